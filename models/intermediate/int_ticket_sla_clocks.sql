{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_tickets'},
        post_hook="{{ record_load() }}",
    )
}}

with

states as (

    select
        *,
        cast(ticket_created_at as date) as created_on
    from {{ ref('int_ticket_states') }}
    where {{ is_changed_ticket('ticket_key') }}

),

---------- which policy is in force for whom

policy_keys as (

    select distinct
        source,
        market,
        first_category,
        severity,
        created_on
    from states

),

chosen_policies as (

    select
        policy_keys.source,
        policy_keys.market,
        policy_keys.first_category,
        policy_keys.severity,
        policy_keys.created_on,
        policies.metric,
        min(policies.precedence) as precedence
    from policy_keys
    inner join {{ ref('int_sla_policies') }} as policies
        on
            policy_keys.market = policies.market
            and policy_keys.severity = policies.severity
            and (policies.source is null or policy_keys.source = policies.source)
            and (policies.category is null or policy_keys.first_category = policies.category)
            and policy_keys.created_on >= policies.valid_from
            and policy_keys.created_on < policies.valid_to
    group by
        policy_keys.source,
        policy_keys.market,
        policy_keys.first_category,
        policy_keys.severity,
        policy_keys.created_on,
        policies.metric

),

policies_in_force as (

    select
        chosen_policies.*,
        policies.policy,
        policies.target_minutes,
        policies.target_micros,
        policies.hours
    from chosen_policies
    inner join {{ ref('int_sla_policies') }} as policies
        on
            chosen_policies.precedence = policies.precedence
            and chosen_policies.market = policies.market
            and chosen_policies.severity = policies.severity

),

---------- the spans of time that each clock looks at

tickets as (

    select
        ticket_key,
        max(ticket_created_at) as created_at,
        min(case when event = 'agent_reply' or is_resolved_event then started_at end) as first_answered_at,
        min(case when event = 'agent_reply' or is_resolved_event then started_open_micros end) as first_answered_open_micros,
        max(case when is_resolved_event then started_at end) as last_resolved_at,
        max(case when is_resolved_event then state_no end) as last_resolved_state_no,
        bool_or(is_open and ended_at is null) as is_open,
        bool_or(is_open and (ended_at is null or ended_at > started_at)) as was_open_for_some_time
    from states
    group by ticket_key

),

reply_events as (

    select
        *,
        event = 'agent_reply' or not is_open as ends_waiting,
        lag(event = 'agent_reply' or not is_open) over (partition by ticket_key order by state_no) as previous_ends_waiting,
        sum(case when event = 'agent_reply' then 1 else 0 end) over (
            partition by ticket_key order by state_no rows unbounded preceding
        ) as agent_reply_count
    from states
    where is_update and (event in ('agent_reply', 'customer_reply') or not is_open)

),

waiting_events as (

    select
        *,
        lead(started_at) over (partition by ticket_key order by state_no) as answered_at,
        lead(started_open_micros) over (partition by ticket_key order by state_no) as answered_open_micros
    from reply_events
    where ends_waiting or (previous_ends_waiting and agent_reply_count > 0)

),

spans as (

    select
        'first_reply' as metric,
        states.ticket_key,
        states.state_no,
        states.started_at,
        tickets.first_answered_at as ended_at,
        states.started_open_micros,
        tickets.first_answered_open_micros as ended_open_micros,
        true as clock_runs,
        cast(null as timestamp) as deadline,
        states.source,
        states.market,
        states.first_category,
        states.created_on,
        states.severity,
        states.category,
        states.agent_id,
        states.calendar
    from states
    inner join tickets on states.ticket_key = tickets.ticket_key
    where states.is_opening

    union all

    select
        'next_reply' as metric,
        ticket_key,
        state_no,
        started_at,
        answered_at as ended_at,
        started_open_micros,
        answered_open_micros as ended_open_micros,
        true as clock_runs,
        cast(null as timestamp) as deadline,
        source,
        market,
        first_category,
        created_on,
        severity,
        category,
        agent_id,
        calendar
    from waiting_events
    where not ends_waiting

    union all

    select
        'resolution' as metric,
        ticket_key,
        state_no,
        started_at,
        ended_at,
        started_open_micros,
        ended_open_micros,
        clock_runs,
        deadline,
        source,
        market,
        first_category,
        created_on,
        severity,
        category,
        agent_id,
        calendar
    from states
    where is_open and (ended_at is null or ended_at > started_at)

    union all

    -- A ticket that was open for no time is judged by its last resolved event.
    select
        'resolution' as metric,
        states.ticket_key,
        states.state_no,
        states.started_at,
        states.started_at as ended_at,
        states.started_open_micros,
        states.started_open_micros as ended_open_micros,
        states.clock_runs,
        states.deadline,
        states.source,
        states.market,
        states.first_category,
        states.created_on,
        states.severity,
        states.category,
        states.agent_id,
        states.calendar
    from states
    inner join tickets on states.ticket_key = tickets.ticket_key and states.state_no = tickets.last_resolved_state_no
    where not tickets.was_open_for_some_time

),

-- Without a policy or a deadline of the source's own nothing counts and nothing can breach.
ruled_spans as (

    select
        spans.*,
        case when spans.deadline is null then policies.policy else 'source' end as policy,
        case when spans.deadline is null then policies.hours else 'calendar' end as hours,
        case when spans.deadline is null then policies.target_minutes end as target_minutes,
        case when spans.deadline is null then policies.target_micros end as target_micros,
        case when spans.metric = 'next_reply' then spans.state_no else 0 end as clock_no
    from spans
    left join policies_in_force as policies
        on
            spans.metric = policies.metric
            and spans.source = policies.source
            and spans.market = policies.market
            and spans.first_category is not distinct from policies.first_category
            and spans.severity = policies.severity
            and spans.created_on = policies.created_on
    where spans.deadline is not null or policies.policy is not null

),

counted_spans as (

    select
        *,
        case
            when not clock_runs then 0
            when hours = 'business' then ended_open_micros - started_open_micros
            else {{ micros_between('started_at', 'ended_at') }}
        end as counted_micros
    from ruled_spans

),

running_totals as (

    select
        *,
        coalesce(sum(counted_micros) over (
            partition by ticket_key order by state_no rows between unbounded preceding and 1 preceding
        ), 0) as elapsed_micros_before
    from counted_spans
    where metric = 'resolution'

    union all

    select
        *,
        0 as elapsed_micros_before
    from counted_spans
    where metric <> 'resolution'

),

---------- when each clock breaches

candidates as (

    select
        *,
        case
            when deadline is not null then greatest(started_at, deadline)
            when elapsed_micros_before > target_micros then started_at
            when clock_runs and hours = 'calendar'
                then {{ moment(micros('started_at') ~ ' + target_micros - cast(elapsed_micros_before as bigint)') }}
        end as breaches_at,
        case
            when
                deadline is null and clock_runs and hours = 'business'
                and elapsed_micros_before <= target_micros
                and (ended_at is null or elapsed_micros_before + counted_micros > target_micros)
                then started_open_micros + target_micros - cast(elapsed_micros_before as bigint)
        end as breaches_open_micros
    from running_totals

),

breaches as (

    select
        candidates.*,
        case when candidates.ended_at is not null then candidates.state_no end as last_state_no,
        coalesce(
            case when candidates.ended_at is null or candidates.breaches_at < candidates.ended_at then candidates.breaches_at end,
            {{ moment_reached('reached', 'candidates.breaches_open_micros') }}
        ) as span_breaches_at
    from candidates
    {{ join_business_time_reached('reached', 'candidates.calendar', 'candidates.breaches_open_micros') }}

),

clocks as (

    select
        ticket_key,
        metric,
        clock_no,
        min(started_at) as first_counted_at,
        max(calendar) as calendar,

        ---------- the last span that is over
        {{ value_at_max('policy', 'last_state_no') }} as policy,
        {{ value_at_max('target_minutes', 'last_state_no') }} as target_minutes,
        {{ value_at_max('hours', 'last_state_no') }} as hours,
        {{ value_at_max('severity', 'last_state_no') }} as severity,
        cast(coalesce(sum(counted_micros), 0) as bigint) as elapsed_micros,
        max(ended_at) as last_ended_at,

        ---------- the span that goes on
        max(case when ended_at is null then started_at end) as current_since,
        max(case when ended_at is null then started_open_micros end) as current_since_open_micros,
        max(case when ended_at is null then policy end) as current_policy,
        max(case when ended_at is null then target_minutes end) as current_target_minutes,
        max(case when ended_at is null then hours end) as current_hours,
        max(case when ended_at is null then severity end) as current_severity,
        max(case when ended_at is null then deadline end) as current_deadline,
        coalesce(bool_or(ended_at is null and clock_runs), false) as is_running,

        ---------- the breach, sooner or later, if nothing changes
        min(span_breaches_at) as breaches_at,
        {{ value_at_min('severity', 'span_breaches_at') }} as breach_severity,
        {{ value_at_min('category', 'span_breaches_at') }} as breach_category,
        {{ value_at_min('agent_id', 'span_breaches_at') }} as breach_agent_id
    from breaches
    group by ticket_key, metric, clock_no

),

next_reply_instances as (

    select
        ticket_key,
        clock_no,
        row_number() over (partition by ticket_key order by clock_no) as instance
    from clocks
    where metric = 'next_reply'

)

select
    ---------- keys
    clocks.ticket_key,
    clocks.metric,
    cast(coalesce(next_reply_instances.instance, 1) as integer) as instance,
    clocks.calendar,

    ---------- times
    case when clocks.metric = 'next_reply' then clocks.first_counted_at else tickets.created_at end as started_at,
    case
        when clocks.metric <> 'resolution' and clocks.current_since is null then clocks.last_ended_at
        when clocks.metric = 'resolution' and not tickets.is_open then tickets.last_resolved_at
    end as stopped_at,
    clocks.breaches_at,
    clocks.breach_severity,
    clocks.breach_category,
    clocks.breach_agent_id,

    ---------- what is over
    clocks.policy,
    clocks.target_minutes,
    clocks.hours,
    clocks.severity,
    clocks.elapsed_micros,

    ---------- what goes on
    clocks.current_since,
    clocks.current_since_open_micros,
    clocks.current_policy,
    clocks.current_target_minutes,
    clocks.current_hours,
    clocks.current_severity,
    clocks.current_deadline,
    clocks.is_running
from clocks
inner join tickets on clocks.ticket_key = tickets.ticket_key
left join next_reply_instances
    on clocks.ticket_key = next_reply_instances.ticket_key and clocks.clock_no = next_reply_instances.clock_no
