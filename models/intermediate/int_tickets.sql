{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_tickets', 'opened_at': 'created_at'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('created_at') %}

{% set months = changed_months() %}

with

lives as (

    select
        ticket_key,

        ---------- firsts and lasts
        min(case when is_update and agent_id is not null then started_at end) as first_assigned_at,
        min(case when event = 'agent_reply' then started_at end) as first_reply_at,
        min(case when event = 'agent_reply' then started_open_micros end) as first_reply_open_micros,
        min(case when is_resolved_event then started_at end) as first_resolved_at,
        max(case when is_resolved_event then started_at end) as last_resolved_at,
        max(case when is_resolved_event then started_open_micros end) as last_resolved_open_micros,
        max(case when is_closed_event then started_at end) as last_closed_at,
        max(case when is_opening then started_open_micros end) as created_open_micros,
        {{ value_at_max('satisfaction', 'case when satisfaction is not null then state_no end') }} as satisfaction,

        ---------- counts
        sum(case when is_update then 1 else 0 end) as update_count,
        sum(case when event = 'agent_reply' then 1 else 0 end) as agent_reply_count,
        sum(case when event = 'customer_reply' then 1 else 0 end) as customer_reply_count,
        sum(case when is_reopened_event then 1 else 0 end) as reopen_count,
        sum(case when is_handoff then 1 else 0 end) as handoff_count,
        bool_or(is_update and (status = 'escalated' or coalesce(event, '') = 'escalated')) as is_escalated,

        ---------- time in each phase, up to the state that goes on
        sum(case when phase = 'working' then {{ micros_between('started_at', 'ended_at') }} end) as working_micros,
        sum(case when phase = 'pending' then {{ micros_between('started_at', 'ended_at') }} end) as pending_micros,
        sum(case when phase = 'on_hold' then {{ micros_between('started_at', 'ended_at') }} end) as on_hold_micros
    from {{ ref('int_ticket_states') }}
    where
        {{ is_changed_ticket('ticket_key') }}
        and {{ in_months('ticket_created_at', months) }}
    group by ticket_key

),

current_states as (

    select
        ticket_key,
        update_id,
        source,
        market,
        calendar,
        ticket_created_at as created_at,
        started_at as last_updated_at,
        status,
        phase,
        is_open
    from {{ ref('int_ticket_states') }}
    where
        ended_at is null
        and {{ is_changed_ticket('ticket_key') }}
        and {{ in_months('ticket_created_at', months) }}

),

resolution_clocks as (

    select
        ticket_key,
        breaches_at,
        breach_severity,
        breach_category,
        breach_agent_id,
        current_deadline,
        is_running
    from {{ ref('int_ticket_sla_clocks') }}
    where
        metric = 'resolution'
        and {{ in_months('created_on', months) }}

)

select
    ---------- keys
    lives.ticket_key,
    last_updates.source,
    last_updates.ticket_id,
    current_states.market,
    current_states.calendar,

    ---------- as last updated
    last_updates.severity,
    last_updates.category,
    last_updates.channel,
    last_updates.product,
    last_updates.team,
    last_updates.agent_id,
    last_updates.customer_id,
    last_updates.vehicle_id,
    last_updates.subject,
    current_states.status,
    current_states.phase,
    current_states.is_open,
    lives.satisfaction,

    ---------- times
    current_states.created_at,
    lives.first_assigned_at,
    lives.first_reply_at,
    lives.first_resolved_at,
    case when not current_states.is_open then lives.last_resolved_at end as resolved_at,
    case when current_states.status = 'closed' then lives.last_closed_at end as closed_at,
    current_states.last_updated_at,

    ---------- counts
    cast(lives.update_count as integer) as update_count,
    cast(lives.agent_reply_count as integer) as agent_reply_count,
    cast(lives.customer_reply_count as integer) as customer_reply_count,
    cast(lives.reopen_count as integer) as reopen_count,
    cast(lives.handoff_count as integer) as handoff_count,
    lives.is_escalated,

    ---------- durations
    {{ micros_between('current_states.created_at', 'lives.first_reply_at') }} as first_reply_micros,
    lives.first_reply_open_micros - lives.created_open_micros as first_reply_business_micros,
    case
        when not current_states.is_open then {{ micros_between('current_states.created_at', 'lives.last_resolved_at') }}
    end as resolution_micros,
    case
        when not current_states.is_open then lives.last_resolved_open_micros - lives.created_open_micros
    end as resolution_business_micros,
    cast(coalesce(lives.working_micros, 0) as bigint) as working_micros,
    cast(coalesce(lives.pending_micros, 0) as bigint) as pending_micros,
    cast(coalesce(lives.on_hold_micros, 0) as bigint) as on_hold_micros,

    ---------- the resolution clock
    resolution_clocks.ticket_key is not null as has_resolution_clock,
    resolution_clocks.breaches_at,
    resolution_clocks.breach_severity,
    resolution_clocks.breach_category,
    resolution_clocks.breach_agent_id,
    resolution_clocks.current_deadline,
    resolution_clocks.is_running
from lives
inner join current_states on lives.ticket_key = current_states.ticket_key
inner join {{ ref('int_ticket_updates') }} as last_updates
    on current_states.source = last_updates.source and current_states.update_id = last_updates.update_id
left join resolution_clocks on lives.ticket_key = resolution_clocks.ticket_key
where {{ in_months('last_updates.created_at', months) }}
