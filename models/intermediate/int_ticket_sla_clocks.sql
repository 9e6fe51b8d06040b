{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_tickets', 'opened_at': 'created_on'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('created_on') %}

{% set months = changed_months() %}

-- Orders the spans that are over.
{% set over_no = 'case when ended_at is not null then state_no end' %}

with

states as (

    select
        ticket_key,
        state_no,
        started_at,
        ended_at,
        answered_at,
        started_open_micros,
        ended_open_micros,
        answered_open_micros,
        calendar,
        event,
        is_open,
        is_opening,
        is_resolved_event,
        starts_waiting,
        clock_runs,
        deadline,
        severity,
        category,
        agent_id,
        source,
        market,
        first_category,
        ticket_created_at,
        cast(ticket_created_at as date) as created_on
    from {{ ref('int_ticket_states') }}
    where
        {{ is_changed_ticket('ticket_key') }}
        and {{ in_months('ticket_created_at', months) }}

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
        policies.target_micros,
        policies.hours = 'business' as is_business
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
        min(case when event = 'agent_reply' or is_resolved_event then started_at end) as first_answered_at,
        min(case when event = 'agent_reply' or is_resolved_event then started_open_micros end) as first_answered_open_micros,
        max(case when is_resolved_event then started_at end) as last_resolved_at,
        max(case when is_resolved_event then state_no end) as last_resolved_state_no,
        bool_or(is_open and (ended_at is null or ended_at > started_at)) as was_open_for_some_time
    from states
    group by ticket_key

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
        cast(null as timestamp(6)) as deadline,
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
        cast(null as timestamp(6)) as deadline,
        source,
        market,
        first_category,
        created_on,
        severity,
        category,
        agent_id,
        calendar
    from states
    where starts_waiting

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
        spans.metric,
        spans.ticket_key,
        spans.state_no,
        spans.started_at,
        spans.ended_at,
        spans.started_open_micros,
        spans.clock_runs,
        spans.deadline,
        spans.severity,
        spans.category,
        spans.agent_id,
        spans.calendar,
        spans.created_on,
        case when spans.deadline is null then policies.precedence end as precedence,
        case when spans.deadline is null then policies.target_micros end as target_micros,
        spans.deadline is null and policies.is_business as is_business,
        case
            when not spans.clock_runs then 0
            when spans.deadline is null and policies.is_business then spans.ended_open_micros - spans.started_open_micros
            else {{ micros_between('spans.started_at', 'spans.ended_at') }}
        end as counted_micros
    from spans
    left join policies_in_force as policies
        on
            spans.metric = policies.metric
            and spans.source = policies.source
            and spans.market = policies.market
            and spans.first_category is not distinct from policies.first_category
            and spans.severity = policies.severity
            and spans.created_on = policies.created_on
    where spans.deadline is not null or policies.precedence is not null

),

running_totals as (

    select
        *,
        coalesce(sum(counted_micros) over (
            partition by ticket_key order by state_no rows between unbounded preceding and 1 preceding
        ), 0) as elapsed_micros_before
    from ruled_spans
    where metric = 'resolution'

    union all

    select
        *,
        0 as elapsed_micros_before
    from ruled_spans
    where metric <> 'resolution'

),

---------- when each clock breaches

candidates as (

    select
        *,
        case
            when deadline is not null then greatest(started_at, deadline)
            when elapsed_micros_before > target_micros then started_at
            when clock_runs and not is_business
                then {{ moment(micros('started_at') ~ ' + target_micros - cast(elapsed_micros_before as bigint)') }}
        end as breaches_at,
        case
            when
                is_business and clock_runs
                and elapsed_micros_before <= target_micros
                and (ended_at is null or elapsed_micros_before + counted_micros > target_micros)
                then started_open_micros + target_micros - cast(elapsed_micros_before as bigint)
        end as breaches_open_micros
    from running_totals

),

breaches as (

    select
        candidates.*,
        coalesce(
            case when candidates.ended_at is null or candidates.breaches_at < candidates.ended_at then candidates.breaches_at end,
            {{ moment_reached('reached', 'candidates.breaches_open_micros') }}
        ) as span_breaches_at
    from candidates
    {{ join_business_time_reached('reached', 'candidates.calendar', 'candidates.breaches_open_micros') }}

),

---------- spans put together: a reply clock is one, a resolution clock all that its ticket has

resolutions as (

    select
        ticket_key,
        {{ value_at_max('severity', over_no) }} as severity,
        {{ value_at_max('precedence', over_no) }} as precedence,
        coalesce({{ value_at_max('deadline is not null', over_no) }}, false) as is_last_by_deadline,
        sum(counted_micros) as elapsed_micros,
        max(case when ended_at is null then started_at end) as current_since,
        max(case when ended_at is null then started_open_micros end) as current_since_open_micros,
        max(case when ended_at is null then severity end) as current_severity,
        max(case when ended_at is null then precedence end) as current_precedence,
        max(case when ended_at is null then deadline end) as current_deadline,
        bool_or(ended_at is null and clock_runs) as is_running,
        min(span_breaches_at) as breaches_at,
        {{ value_at_min('severity', 'span_breaches_at') }} as breach_severity,
        {{ value_at_min('category', 'span_breaches_at') }} as breach_category,
        {{ value_at_min('agent_id', 'span_breaches_at') }} as breach_agent_id
    from breaches
    where metric = 'resolution'
    group by ticket_key

),

clocks as (

    select
        resolutions.ticket_key,
        'resolution' as metric,
        1 as instance,
        current_states.calendar,
        current_states.created_on,
        current_states.ticket_created_at as started_at,
        case when not current_states.is_open then tickets.last_resolved_at end as stopped_at,
        resolutions.severity,
        resolutions.precedence,
        resolutions.is_last_by_deadline,
        resolutions.elapsed_micros,
        resolutions.current_since,
        resolutions.current_since_open_micros,
        resolutions.current_severity,
        resolutions.current_precedence,
        resolutions.current_deadline,
        resolutions.is_running,
        resolutions.breaches_at,
        resolutions.breach_severity,
        resolutions.breach_category,
        resolutions.breach_agent_id
    from resolutions
    inner join tickets on resolutions.ticket_key = tickets.ticket_key
    inner join states as current_states on resolutions.ticket_key = current_states.ticket_key
    where current_states.ended_at is null

    union all

    select
        ticket_key,
        metric,
        row_number() over (partition by ticket_key, metric order by state_no) as instance,
        calendar,
        created_on,
        started_at,
        ended_at as stopped_at,
        case when ended_at is not null then severity end as severity,
        case when ended_at is not null then precedence end as precedence,
        false as is_last_by_deadline,
        counted_micros as elapsed_micros,
        case when ended_at is null then started_at end as current_since,
        case when ended_at is null then started_open_micros end as current_since_open_micros,
        case when ended_at is null then severity end as current_severity,
        case when ended_at is null then precedence end as current_precedence,
        cast(null as timestamp(6)) as current_deadline,
        ended_at is null as is_running,
        span_breaches_at as breaches_at,
        case when span_breaches_at is not null then severity end as breach_severity,
        case when span_breaches_at is not null then category end as breach_category,
        case when span_breaches_at is not null then agent_id end as breach_agent_id
    from breaches
    where metric <> 'resolution'

),

rules as (

    select distinct
        precedence,
        policy,
        target_minutes,
        hours
    from {{ ref('int_sla_policies') }}

)

select
    ---------- keys
    clocks.ticket_key,
    clocks.metric,
    cast(clocks.instance as integer) as instance,
    clocks.calendar,

    ---------- times
    clocks.created_on,
    clocks.started_at,
    clocks.stopped_at,
    clocks.breaches_at,
    clocks.breach_severity,
    clocks.breach_category,
    clocks.breach_agent_id,

    ---------- what is over
    case when clocks.is_last_by_deadline then 'source' else rules.policy end as policy,
    rules.target_minutes,
    case when clocks.is_last_by_deadline then 'calendar' else rules.hours end as hours,
    clocks.severity,
    cast(coalesce(clocks.elapsed_micros, 0) as bigint) as elapsed_micros,

    ---------- what goes on
    clocks.current_since,
    clocks.current_since_open_micros,
    case when clocks.current_deadline is not null then 'source' else current_rules.policy end as current_policy,
    current_rules.target_minutes as current_target_minutes,
    case when clocks.current_deadline is not null then 'calendar' else current_rules.hours end as current_hours,
    clocks.current_severity,
    clocks.current_deadline,
    clocks.is_running
from clocks
left join rules on clocks.precedence = rules.precedence
left join rules as current_rules on clocks.current_precedence = current_rules.precedence
