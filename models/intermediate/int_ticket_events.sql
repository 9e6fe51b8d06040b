{{ config(materialized='view') }}

-- Updates and creations count under the state that they bring, a breach under the one that it met.
select
    ticket_key,
    ticket_created_at,
    started_at as happened_at,
    market,
    severity,
    category,
    agent_id,
    is_update,
    is_opening as is_creation,
    is_resolved_event,
    is_reopened_event,
    reclassified_from,
    false as is_breach,
    is_assignment,
    coalesce(event = 'agent_reply', false) as is_agent_reply,
    case when event = 'rated' then satisfaction end as satisfaction,
    case when is_resolved_event then {{ micros_between('ticket_created_at', 'started_at') }} end as resolution_micros
from {{ ref('int_ticket_states') }}

union all

select
    tickets.ticket_key,
    tickets.created_at as ticket_created_at,
    tickets.breaches_at as happened_at,
    tickets.market,
    tickets.breach_severity as severity,
    tickets.breach_category as category,
    tickets.breach_agent_id as agent_id,
    false as is_update,
    false as is_creation,
    false as is_resolved_event,
    false as is_reopened_event,
    cast(null as varchar) as reclassified_from,
    true as is_breach,
    false as is_assignment,
    false as is_agent_reply,
    cast(null as integer) as satisfaction,
    cast(null as bigint) as resolution_micros
from {{ ref('int_tickets') }} as tickets
inner join {{ ref('int_as_of') }} as now on tickets.breaches_at < now.as_of
