{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'days'},
        post_hook="{{ record_load() }}",
    )
}}

{% set first_day = first_changed_day() %}

with

events as (

    select
        cast(started_at as date) as day,
        market,
        severity,
        category,
        case when is_opening then 1 else 0 end as created,
        case when is_resolved_event then 1 else 0 end as resolved,
        case when is_reopened_event then 1 else 0 end as reopened,
        0 as sla_breached,
        case when is_resolved_event then {{ hours(micros_between('ticket_created_at', 'started_at')) }} end as resolution_hours
    from {{ ref('int_ticket_states') }}
    where
        (is_opening or is_resolved_event or is_reopened_event)
        and {{ is_on_changed_day('started_at', first_day) }}

    union all

    select
        cast(tickets.breaches_at as date) as day,
        tickets.market,
        tickets.breach_severity as severity,
        tickets.breach_category as category,
        0 as created,
        0 as resolved,
        0 as reopened,
        1 as sla_breached,
        null as resolution_hours
    from {{ ref('int_tickets') }} as tickets
    inner join {{ ref('int_as_of') }} as now on tickets.breaches_at < now.as_of
    where {{ is_on_changed_day('tickets.breaches_at', first_day) }}

)

select
    day,
    market,
    severity,
    coalesce(category, '(none)') as category,
    cast(sum(created) as integer) as created,
    cast(sum(resolved) as integer) as resolved,
    cast(sum(reopened) as integer) as reopened,
    cast(sum(sla_breached) as integer) as sla_breached,
    avg(resolution_hours) as resolution_hours_avg,
    {{ nearest_rank('resolution_hours', 0.5) }} as resolution_hours_median,
    {{ nearest_rank('resolution_hours', 0.9) }} as resolution_hours_p90
from events
group by day, market, severity, coalesce(category, '(none)')
