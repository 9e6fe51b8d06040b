{{ config(materialized='view') }}

select
    ---------- keys
    lines.ticket_key,
    lines.source,
    lines.ticket_id,
    lines.update_id,

    ---------- landing
    lines.landed_on,
    lines.file,
    lines.load_id,

    ---------- order
    lines.updated_at,
    lines.created_at,
    lines.sequence,

    ---------- state
    lines.status,
    lines.severity,
    lines.market,
    lines.event,
    lines.category,
    lines.channel,
    lines.product,
    lines.team,
    lines.agent_id,
    lines.customer_id,
    lines.vehicle_id,
    lines.subject,
    lines.satisfaction,
    lines.sla_due_at
from {{ ref('stg_ticket_updates__lines') }} as lines
where
    lines.reason is null
    and not exists (
        select 1
        from {{ ref('int_repeated_updates') }} as repeated_updates
        where lines.source = repeated_updates.source and lines.update_id = repeated_updates.update_id
    )

union all

select
    ticket_key,
    source,
    ticket_id,
    update_id,
    landed_on,
    file,
    load_id,
    updated_at,
    created_at,
    sequence,
    status,
    severity,
    market,
    event,
    category,
    channel,
    product,
    team,
    agent_id,
    customer_id,
    vehicle_id,
    subject,
    satisfaction,
    sla_due_at
from {{ ref('int_repeated_updates') }}
