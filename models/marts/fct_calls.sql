{{ config(materialized='view') }}

select
    ---------- keys
    calls.call_id,
    calls.ticket_key,
    calls.customer_id,

    ---------- agent
    calls.agent_id,
    agents.agent_name,
    agents.region,
    agents.team,

    ---------- times
    calls.start_time,
    calls.end_time,
    {{ rounded_minutes(micros_between('calls.start_time', 'calls.end_time')) }} as call_duration_minutes,
    cast(calls.start_time as date) as call_date,
    cast(hour(calls.start_time) as integer) as hour_of_day,

    ---------- what came of it
    calls.issue_type,
    calls.resolution,
    calls.rating
from {{ ref('int_calls') }} as calls
left join {{ ref('agents') }} as agents on calls.agent_id = agents.agent_id
