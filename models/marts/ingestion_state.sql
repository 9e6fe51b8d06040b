{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'landed_days'},
        post_hook="{{ record_load() }}",
    )
}}

select
    'ticket_updates' as feed,
    landed_on,
    cast(count(distinct file) as integer) as files,
    cast(count(*) as integer) as lines,
    cast(sum(case when reason is null and not is_duplicate then 1 else 0 end) as integer) as accepted,
    cast(sum(case when is_duplicate then 1 else 0 end) as integer) as duplicates,
    cast(sum(case when reason is not null then 1 else 0 end) as integer) as quarantined
from {{ ref('stg_ticket_updates__lines') }}
{%- if is_incremental() %}
where
    landed_on >= (
        select min(new_lines.landed_on)
        from {{ ref('stg_ticket_updates__lines') }} as new_lines
        where new_lines.load_id > {{ last_load() }}
    )
{%- endif %}
group by landed_on
