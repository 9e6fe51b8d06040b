{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'days'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('day') %}

{% set first_day = first_changed_day() %}

select
    cast(happened_at as date) as day,
    market,
    severity,
    coalesce(category, '(none)') as category,
    cast(count(*) filter (where is_creation) as integer) as created,
    cast(count(*) filter (where is_resolved_event) as integer) as resolved,
    cast(count(*) filter (where is_reopened_event) as integer) as reopened,
    cast(count(*) filter (where is_breach) as integer) as sla_breached,
    avg({{ hours('resolution_micros') }}) as resolution_hours_avg,
    {{ nearest_rank(hours('resolution_micros'), 0.5) }} as resolution_hours_median,
    {{ nearest_rank(hours('resolution_micros'), 0.9) }} as resolution_hours_p90
from {{ ref('int_ticket_events') }}
where
    (is_creation or is_resolved_event or is_reopened_event or is_breach)
    and {{ is_on_changed_day('happened_at', first_day) }}
group by cast(happened_at as date), market, severity, coalesce(category, '(none)')
