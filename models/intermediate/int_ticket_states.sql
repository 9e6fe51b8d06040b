{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_tickets', 'opened_at': 'ticket_created_at'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('ticket_created_at') %}

{% set months = changed_months() %}
{% set in_order = 'partition by ticket_key order by updated_at, sequence, update_id' %}
{% set answered_at = 'case when states.starts_waiting then states.answered_at end' %}

with

updates as (

    select
        updates.ticket_key,
        updates.update_id,
        updates.updated_at,
        updates.sequence,
        updates.created_at,
        updates.market,
        updates.source,
        updates.category,
        updates.event,
        updates.status,
        updates.severity,
        updates.agent_id,
        updates.team,
        updates.satisfaction,
        updates.sla_due_at,
        updates.load_id,
        statuses.phase,
        statuses.is_open,
        statuses.clock_runs,
        case
            when updates.event = 'agent_reply' or not statuses.is_open then true
            when updates.event = 'customer_reply' then false
        end as ends_waiting
    from {{ ref('int_ticket_updates') }} as updates
    inner join {{ ref('ticket_statuses') }} as statuses on updates.status = statuses.status
    where
        {{ is_changed_ticket('updates.ticket_key') }}
        and {{ in_months('updates.created_at', months) }}

),

ordered as (

    select
        *,
        row_number() over ({{ in_order }}) as update_no,
        lead(updated_at) over ({{ in_order }}) as next_updated_at,
        first_value(created_at) over ({{ in_order }}) as ticket_created_at,
        first_value(market) over ({{ in_order }}) as ticket_market,
        first_value(category) over ({{ in_order }}) as first_category,
        lag(status) over ({{ in_order }}) as previous_status,
        lag(is_open) over ({{ in_order }}) as was_open,
        lag(severity) over ({{ in_order }}) as previous_severity,
        lag(agent_id) over ({{ in_order }}) as previous_agent_id,
        {{ last_given_before('agent_id', in_order) }} as last_agent_id,
        {{ last_given('sla_due_at', in_order ~ ' rows unbounded preceding') }} as deadline,
        {{ last_given_before('ends_waiting', in_order) }} as nobody_waits,
        {{ last_given_before("case when event = 'agent_reply' then updated_at end", in_order) }} as last_agent_reply_at,
        {{ next_given('case when ends_waiting then updated_at end', in_order) }} as answered_at
    from updates

),

-- Between its creation and a later first update a ticket counts as new, with all else as that update has it.
states as (

    select
        ticket_key,
        update_no as state_no,
        update_id,
        updated_at as started_at,
        next_updated_at as ended_at,
        update_no = 1 and updated_at = ticket_created_at as is_opening,
        status,
        phase,
        is_open,
        clock_runs,
        event,
        satisfaction,
        not is_open and coalesce(was_open, true) as is_resolved_event,
        is_open and not coalesce(was_open, true) as is_reopened_event,
        status = 'closed' and coalesce(previous_status, '') <> 'closed' as is_closed_event,
        agent_id is not null and agent_id <> coalesce(previous_agent_id, '') as is_assignment,
        coalesce(agent_id <> last_agent_id, false) as is_handoff,
        coalesce(not ends_waiting and nobody_waits and last_agent_reply_at is not null, false) as starts_waiting,
        answered_at,
        case when was_open and severity <> previous_severity then previous_severity end as reclassified_from,
        severity,
        category,
        agent_id,
        team,
        deadline,
        source,
        ticket_market,
        first_category,
        ticket_created_at,
        created_at,
        load_id
    from ordered

    union all

    select
        ordered.ticket_key,
        0 as state_no,
        cast(null as varchar) as update_id,
        ordered.ticket_created_at as started_at,
        ordered.updated_at as ended_at,
        true as is_opening,
        'new' as status,
        coalesce(statuses.phase, 'working') as phase,
        coalesce(statuses.is_open, true) as is_open,
        coalesce(statuses.clock_runs, true) as clock_runs,
        cast(null as varchar) as event,
        cast(null as integer) as satisfaction,
        false as is_resolved_event,
        false as is_reopened_event,
        false as is_closed_event,
        false as is_assignment,
        false as is_handoff,
        false as starts_waiting,
        cast(null as timestamp(6)) as answered_at,
        cast(null as varchar) as reclassified_from,
        ordered.severity,
        ordered.category,
        ordered.agent_id,
        ordered.team,
        ordered.deadline,
        ordered.source,
        ordered.ticket_market,
        ordered.first_category,
        ordered.ticket_created_at,
        ordered.created_at,
        ordered.load_id
    from ordered
    left join {{ ref('ticket_statuses') }} as statuses on statuses.status = 'new'
    where ordered.update_no = 1 and ordered.updated_at > ordered.ticket_created_at

)

select
    ---------- keys
    states.ticket_key,
    states.state_no,
    states.update_id,
    states.source,
    states.load_id,

    ---------- times
    states.started_at,
    states.ended_at,
    {{ answered_at }} as answered_at,
    states.ticket_created_at,
    states.created_at as stated_created_at,

    ---------- business time
    markets.calendar,
    {{ open_micros('started', 'states.started_at') }} as started_open_micros,
    {{ open_micros('ended', 'states.ended_at') }} as ended_open_micros,
    {{ open_micros('answered', 'states.answered_at') }} as answered_open_micros,

    ---------- state
    states.status,
    states.phase,
    states.is_open,
    states.clock_runs,
    states.severity,
    states.category,
    states.agent_id,
    states.team,
    states.deadline,

    ---------- of the ticket
    states.ticket_market as market,
    states.first_category,

    ---------- what happened
    states.event,
    states.satisfaction,
    states.reclassified_from,
    states.state_no > 0 as is_update,
    states.is_opening,
    states.is_resolved_event,
    states.is_reopened_event,
    states.is_closed_event,
    states.is_assignment,
    states.is_handoff,
    states.starts_waiting
from states
inner join {{ ref('markets') }} as markets on states.ticket_market = markets.market
{{ join_business_time('started', 'markets.calendar', 'states.started_at') }}
{{ join_business_time('ended', 'markets.calendar', 'states.ended_at') }}
{{ join_business_time('answered', 'markets.calendar', answered_at) }}
