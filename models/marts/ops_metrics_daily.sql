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

with

days as (

    select
        day,
        sum(created) as created,
        sum(resolved) as resolved,
        sum(reopened) as reopened,
        sum(closing) as backlog,
        sum(overdue) as overdue_backlog
    from {{ ref('backlog_daily') }}
    {% if first_day %}
    where day >= cast('{{ first_day }}' as date)
    {% endif %}
    group by day

),

activity as (

    select
        cast(happened_at as date) as day,
        count(*) filter (where is_update) as updates,
        count(*) filter (where is_breach) as sla_breached,
        count(distinct agent_id) filter (where is_agent_reply or is_resolved_event) as active_agents,
        {{ nearest_rank(hours('resolution_micros'), 0.5) }} as resolution_hours_median
    from {{ ref('int_ticket_events') }}
    where {{ is_on_changed_day('happened_at', first_day) }}
    group by cast(happened_at as date)

),

resolutions as (

    select
        cast(events.happened_at as date) as day,
        avg(case when tickets.breaches_at <= events.happened_at then 1e0 else 0e0 end) as sla_breach_rate
    from {{ ref('int_ticket_events') }} as events
    inner join {{ ref('int_tickets') }} as tickets on events.ticket_key = tickets.ticket_key
    where
        events.is_resolved_event
        and {{ is_on_changed_day('events.happened_at', first_day) }}
        and {{ is_on_changed_day('tickets.last_updated_at', first_day) }}
    group by cast(events.happened_at as date)

),

first_replies as (

    select
        cast(first_reply_at as date) as day,
        {{ nearest_rank(hours('first_reply_micros'), 0.5) }} as first_reply_hours_median
    from {{ ref('int_tickets') }}
    where
        first_reply_at is not null
        and {{ is_on_changed_day('first_reply_at', first_day) }}
    group by cast(first_reply_at as date)

),

quarantine as (

    select
        landed_on as day,
        quarantined
    from {{ ref('ingestion_state') }}
    where
        feed = 'ticket_updates'
        and {{ is_on_changed_day('landed_on', first_day) }}

)

select
    days.day,
    cast(days.created as integer) as created,
    cast(days.resolved as integer) as resolved,
    cast(days.reopened as integer) as reopened,
    cast(days.backlog as integer) as backlog,
    cast(days.overdue_backlog as integer) as overdue_backlog,
    cast(coalesce(activity.sla_breached, 0) as integer) as sla_breached,
    cast(resolutions.sla_breach_rate as double) as sla_breach_rate,
    first_replies.first_reply_hours_median,
    activity.resolution_hours_median,
    cast(coalesce(activity.active_agents, 0) as integer) as active_agents,
    cast(coalesce(activity.updates, 0) as integer) as updates,
    cast(coalesce(quarantine.quarantined, 0) as integer) as quarantined
from days
left join activity on days.day = activity.day
left join resolutions on days.day = resolutions.day
left join first_replies on days.day = first_replies.day
left join quarantine on days.day = quarantine.day
