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
        agent_id,
        case when is_assignment then 1 else 0 end as assigned,
        case when is_resolved_event then 1 else 0 end as resolved,
        case when event = 'agent_reply' then 1 else 0 end as replies,
        0 as sla_breached,
        0 as open_at_end,
        case when event = 'rated' then satisfaction end as satisfaction
    from {{ ref('int_ticket_states') }}
    where
        agent_id is not null
        and (is_assignment or is_resolved_event or event = 'agent_reply' or (event = 'rated' and satisfaction is not null))
        and {{ is_on_changed_day('started_at', first_day) }}

),

breaches as (

    select
        cast(tickets.breaches_at as date) as day,
        tickets.breach_agent_id as agent_id,
        0 as assigned,
        0 as resolved,
        0 as replies,
        1 as sla_breached,
        0 as open_at_end,
        cast(null as integer) as satisfaction
    from {{ ref('int_tickets') }} as tickets
    inner join {{ ref('int_as_of') }} as bounds on tickets.breaches_at < bounds.as_of
    where
        tickets.breach_agent_id is not null
        and {{ is_on_changed_day('tickets.breaches_at', first_day) }}

),

---------- open at the end of each day

moves as (

    select
        cast(started_at as date) as day,
        agent_id,
        1 as opened
    from {{ ref('int_ticket_states') }}
    where
        is_open
        and agent_id is not null
        and (ended_at is null or cast(ended_at as date) > cast(started_at as date))
        and {{ is_on_changed_day('started_at', first_day) }}

    union all

    select
        cast(ended_at as date) as day,
        agent_id,
        -1 as opened
    from {{ ref('int_ticket_states') }}
    where
        is_open
        and agent_id is not null
        and cast(ended_at as date) > cast(started_at as date)
        and {{ is_on_changed_day('ended_at', first_day) }}

    {% if first_day %}

    union all

    select
        cast('{{ first_day }}' as date) as day,
        agent_id,
        open_at_end as opened
    from {{ this }}
    where day = {{ add_days("cast('" ~ first_day ~ "' as date)", -1) }}
    {% endif %}

),

daily_moves as (

    select
        day,
        agent_id,
        sum(opened) as opened
    from moves
    group by day, agent_id

),

levels as (

    select
        agent_id,
        day as first_day,
        lead(day) over (partition by agent_id order by day) as next_day,
        sum(opened) over (partition by agent_id order by day rows unbounded preceding) as open_at_end
    from daily_moves

),

open_days as (

    select
        {{ dates_between(
            'levels.first_day',
            'coalesce(' ~ add_days('levels.next_day', -1) ~ ', cast(bounds.as_of as date))'
        ) }} as day,
        levels.agent_id,
        0 as assigned,
        0 as resolved,
        0 as replies,
        0 as sla_breached,
        levels.open_at_end,
        cast(null as integer) as satisfaction
    from levels
    cross join {{ ref('int_as_of') }} as bounds
    where levels.open_at_end > 0

),

counted as (

    select * from events
    union all
    select * from breaches
    union all
    select * from open_days

)

select
    day,
    agent_id,
    cast(sum(assigned) as integer) as assigned,
    cast(sum(resolved) as integer) as resolved,
    cast(sum(replies) as integer) as replies,
    cast(sum(sla_breached) as integer) as sla_breached,
    cast(sum(open_at_end) as integer) as open_at_end,
    avg(satisfaction) as satisfaction_avg
from counted
group by day, agent_id
