{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'landed_days'},
        post_hook="{{ record_load() }}",
    )
}}

{% set lines = ref('stg_ticket_updates__lines') %}

with

repeated_updates as (

    select
        source,
        update_id
    from {{ lines }}
    where
        reason is null
        and {{ is_new('load_id') }}
    group by source, update_id
    having count(*) > 1

),

-- Of the lines that share an identity the first landed is the update. Ranking only those spares a sort of all.
ranked as (

    select
        lines.*,
        1 as landing_rank
    from {{ lines }} as lines
    left join repeated_updates
        on lines.source = repeated_updates.source and lines.update_id = repeated_updates.update_id
    where
        lines.reason is null
        and repeated_updates.update_id is null
        and {{ is_new('lines.load_id') }}

    union all

    select
        lines.*,
        row_number() over (
            partition by lines.source, lines.update_id
            order by lines.landed_on, lines.file, lines.line
        ) as landing_rank
    from {{ lines }} as lines
    inner join repeated_updates
        on lines.source = repeated_updates.source and lines.update_id = repeated_updates.update_id
    where
        lines.reason is null
        and {{ is_new('lines.load_id') }}

)

select
    ---------- keys
    ticket_key,
    source,
    ticket_id,
    update_id,

    ---------- landing
    landed_on,
    file,
    load_id,

    ---------- order
    updated_at,
    created_at,
    sequence,

    ---------- state
    status,
    severity,
    market,
    event,
    category,
    channel,
    product,
    team,
    agent_id,
    customer_id,
    vehicle_id,
    subject,
    satisfaction,
    sla_due_at
from ranked
where landing_rank = 1
{% if is_incremental() %}
    and not exists (
        select 1
        from {{ this }} as landed_before
        where
            landed_before.source = ranked.source
            and landed_before.update_id = ranked.update_id
            and landed_before.landed_on < (
                select min(lines.landed_on) from {{ lines }} as lines where {{ is_new('lines.load_id') }}
            )
    )
{% endif %}
