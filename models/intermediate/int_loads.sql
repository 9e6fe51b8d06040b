{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'loads'},
        post_hook="{{ record_load() }}",
    )
}}

{% set reaches_all = not is_incremental() or reference_data_changed_since(last_load()) %}

{% if reaches_all %}
-- depends_on: {{ ref('int_ticket_updates') }}
-- depends_on: {{ ref('int_ticket_states') }}
select
    max(load_id) as load_id,
    cast('0001-01-01' as timestamp(6)) as first_changed_at
from {{ ref('stg_ticket_updates__lines') }}
having max(load_id) is not null
{% else %}
with

landed as (

    select
        source,
        update_id,
        load_id,
        landed_on,
        file,
        reason,
        created_at
    from {{ ref('stg_ticket_updates__lines') }}
    where {{ is_new('load_id') }}

),

updates as (

    select
        source,
        update_id,
        file,
        updated_at
    from {{ ref('int_ticket_updates') }}
    where {{ is_new('load_id') }}

),

moments as (

    select min(updated_at) as moment
    from updates

    union all

    -- Read again with a file that landed before it, a line may have become a duplicate.
    select min(landed.created_at) as moment
    from landed
    inner join updates
        on landed.source = updates.source and landed.update_id = updates.update_id and landed.file <> updates.file
    where landed.reason is null

    union all

    -- An update that is now its ticket's first moves the creation, perhaps to another market.
    select min(stated_created_at) as moment
    from {{ ref('int_ticket_states') }}
    where ticket_key in (select ticket_key from {{ ref('int_ticket_states') }} where {{ is_new('load_id') }} and state_no = 1)

    union all

    select cast(min(landed_on) as timestamp(6)) as moment
    from landed
    where reason is not null

)

select
    (select max(load_id) from landed) as load_id,
    min(moment) as first_changed_at
from moments
where (select max(load_id) from landed) is not null
having min(moment) is not null
{% endif %}
