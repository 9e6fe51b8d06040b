{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'days', 'cells': {'model': 'int_ticket_traits', 'columns': ['market', 'severity']}},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('day') %}

{% set first_day = first_changed_day() %}
{% set months = months_reaching(first_day) %}

with

days as (

    select day
    from {{ ref('dim_dates') }}
    {% if first_day %}
    where day >= cast('{{ first_day }}' as date)
    {% endif %}

),

cells as (

    select distinct
        market,
        severity
    from {{ ref('int_ticket_traits') }}

),

---------- what moves a ticket into or out of a cell

events as (

    select
        cast(happened_at as date) as day,
        market,
        severity,
        reclassified_from,
        case when is_creation then 1 else 0 end as created,
        case when is_reopened_event then 1 else 0 end as reopened,
        case when is_resolved_event then 1 else 0 end as resolved
    from {{ ref('int_ticket_events') }}
    where
        (is_creation or is_reopened_event or is_resolved_event or reclassified_from is not null)
        and {{ is_on_changed_day('happened_at', first_day) }}

),

-- At a day's end a ticket is overdue from the day of its breach on, as long as it is open in that severity.
overdue_spans as (

    select
        states.market,
        states.severity,
        greatest(cast(states.started_at as date), cast(breaches.happened_at as date)) as first_day,
        cast(states.ended_at as date) as last_day
    from {{ ref('int_ticket_states') }} as states
    inner join {{ ref('int_ticket_events') }} as breaches on states.ticket_key = breaches.ticket_key and breaches.is_breach
    where
        states.is_open
        and (states.ended_at is null or {{ is_on_changed_day('states.ended_at', first_day) }})
        and {{ in_months('states.ticket_created_at', months) }}
        and {{ in_months('breaches.ticket_created_at', months) }}

),

moves as (

    -- An event moves a ticket into its cell and, if it was reclassified, out of the one of its old severity.
    select
        events.day,
        events.market,
        case when sides.side = 1 then events.severity else events.reclassified_from end as severity,
        case when sides.side = 1 then events.created else 0 end as created,
        case when sides.side = 1 then events.reopened else 0 end as reopened,
        case when sides.side = 1 then events.resolved else 0 end as resolved,
        case when events.reclassified_from is null then 0 else sides.side end as reclassified,
        0 as overdue
    from events
    cross join (values (1), (-1)) as sides (side)
    where sides.side = 1 or events.reclassified_from is not null

    union all

    select
        case when sides.side = 1 then overdue_spans.first_day else overdue_spans.last_day end as day,
        overdue_spans.market,
        overdue_spans.severity,
        0 as created,
        0 as reopened,
        0 as resolved,
        0 as reclassified,
        sides.side as overdue
    from overdue_spans
    cross join (values (1), (-1)) as sides (side)
    where overdue_spans.first_day < overdue_spans.last_day or (sides.side = 1 and overdue_spans.last_day is null)

),

daily_moves as (

    select
        day,
        market,
        severity,
        sum(created) as created,
        sum(reopened) as reopened,
        sum(resolved) as resolved,
        sum(reclassified) as reclassified,
        sum(overdue) as overdue
    from moves
    {% if first_day %}
    where day >= cast('{{ first_day }}' as date)
    {% endif %}
    group by day, market, severity

),

---------- where the days before left off

carried_over as (

    {% if first_day -%}
    select
        market,
        severity,
        closing,
        overdue
    from {{ this }}
    where day = {{ add_days("cast('" ~ first_day ~ "' as date)", -1) }}
    {%- else -%}
    select
        market,
        severity,
        0 as closing,
        0 as overdue
    from cells
    {% endif %}

),

running as (

    select
        days.day,
        cells.market,
        cells.severity,
        coalesce(daily_moves.created, 0) as created,
        coalesce(daily_moves.reopened, 0) as reopened,
        coalesce(daily_moves.resolved, 0) as resolved,
        coalesce(daily_moves.reclassified, 0) as reclassified,
        coalesce(carried_over.closing, 0) + sum(
            coalesce(daily_moves.created + daily_moves.reopened - daily_moves.resolved + daily_moves.reclassified, 0)
        ) over (partition by cells.market, cells.severity order by days.day rows unbounded preceding) as closing,
        coalesce(carried_over.overdue, 0) + sum(coalesce(daily_moves.overdue, 0)) over (
            partition by cells.market, cells.severity order by days.day rows unbounded preceding
        ) as overdue
    from days
    cross join cells
    left join daily_moves
        on
            days.day = daily_moves.day
            and cells.market = daily_moves.market
            and cells.severity = daily_moves.severity
    left join carried_over
        on cells.market = carried_over.market and cells.severity = carried_over.severity

)

select
    day,
    market,
    severity,
    cast(closing - created - reopened + resolved - reclassified as integer) as opening,
    cast(created as integer) as created,
    cast(reopened as integer) as reopened,
    cast(resolved as integer) as resolved,
    cast(reclassified as integer) as reclassified,
    cast(closing as integer) as closing,
    cast(overdue as integer) as overdue
from running
