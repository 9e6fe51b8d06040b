{{ config(materialized='view') }}

with

tickets as (

    select
        tickets.*,
        now.as_of,
        case when tickets.breaches_at < now.as_of then tickets.breaches_at end as breached_at,
        case when tickets.is_open then {{ micros_between('tickets.last_updated_at', 'now.as_of') }} else 0 end as current_micros
    from {{ ref('int_tickets') }} as tickets
    inner join {{ ref('int_as_of_business_time') }} as now on tickets.calendar = now.calendar

)

select
    ---------- keys
    ticket_key,
    source,
    ticket_id,
    market,

    ---------- as last updated
    severity,
    category,
    channel,
    product,
    team,
    agent_id,
    customer_id,
    vehicle_id,
    subject,
    status,
    is_open,

    ---------- times
    created_at,
    first_assigned_at,
    first_reply_at,
    first_resolved_at,
    resolved_at,
    closed_at,
    last_updated_at,

    ---------- counts
    update_count,
    agent_reply_count,
    customer_reply_count,
    reopen_count,
    handoff_count,
    is_escalated,
    satisfaction,

    ---------- durations
    {{ hours('first_reply_micros') }} as first_reply_hours,
    {{ hours('first_reply_business_micros') }} as first_reply_business_hours,
    {{ hours('resolution_micros') }} as resolution_hours,
    {{ hours('resolution_business_micros') }} as resolution_business_hours,
    {% for phase in ['working', 'pending', 'on_hold'] -%}
    {{ hours("(" ~ phase ~ "_micros + case when phase = '" ~ phase ~ "' then current_micros else 0 end)") }} as {{ phase }}_hours,
    {% endfor -%}
    case when is_open then {{ hours(micros_between('created_at', 'as_of')) }} end as age_hours,

    ---------- service level
    {{ sla_due_at() }} as resolution_due_at,
    breached_at as sla_breached_at,
    case when has_resolution_clock then breached_at is not null end as is_sla_breached
from tickets
