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
        dates.day,
        levels.agent_id,
        levels.open_at_end
    from levels
    cross join {{ ref('int_as_of') }} as bounds
    cross join unnest({{ dates_between(
        'levels.first_day',
        'coalesce(' ~ add_days('levels.next_day', -1) ~ ', cast(bounds.as_of as date))'
    ) }}) as dates (day)
    where levels.open_at_end > 0

),

---------- with what happened on it

counted as (

    select
        cast(happened_at as date) as day,
        agent_id,
        is_assignment,
        is_resolved_event,
        is_agent_reply,
        is_breach,
        satisfaction,
        0 as open_at_end
    from {{ ref('int_ticket_events') }}
    where
        agent_id is not null
        and (is_assignment or is_resolved_event or is_agent_reply or is_breach or satisfaction is not null)
        and {{ is_on_changed_day('happened_at', first_day) }}

    union all

    select
        day,
        agent_id,
        false as is_assignment,
        false as is_resolved_event,
        false as is_agent_reply,
        false as is_breach,
        cast(null as integer) as satisfaction,
        open_at_end
    from open_days

)

select
    day,
    agent_id,
    cast(count(*) filter (where is_assignment) as integer) as assigned,
    cast(count(*) filter (where is_resolved_event) as integer) as resolved,
    cast(count(*) filter (where is_agent_reply) as integer) as replies,
    cast(count(*) filter (where is_breach) as integer) as sla_breached,
    cast(sum(open_at_end) as integer) as open_at_end,
    avg(satisfaction) as satisfaction_avg
from counted
group by day, agent_id
