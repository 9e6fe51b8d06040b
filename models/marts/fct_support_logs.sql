{{ config(materialized='view') }}

select
    ---------- keys
    logs.log_id,
    logs.ticket_key,
    logs.source,
    logs.ticket_id,

    ---------- what was logged
    logs.logged_at,
    logs.log_level,
    logs.component,
    logs.message,
    logs.response_time_ms,
    logs.cpu_percent,
    tickets.ticket_key is null as is_orphan
from {{ ref('int_support_logs') }} as logs
left join {{ ref('int_tickets') }} as tickets on logs.ticket_key = tickets.ticket_key
