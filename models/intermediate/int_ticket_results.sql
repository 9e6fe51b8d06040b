{{ config(materialized='view') }}

select
    ---------- keys
    tickets.ticket_key,
    tickets.source,
    tickets.created_at,

    ---------- service levels, once their clocks have stopped
    case when resolutions.ticket_key is not null then resolutions.breaches_at is not null end as sla_breached,
    {{ minutes('resolutions.elapsed_micros') }} as sla_elapsed_minutes,
    case when first_replies.ticket_key is not null then first_replies.breaches_at is not null end as first_reply_sla_breached,
    {{ minutes('first_replies.elapsed_micros') }} as first_reply_sla_elapsed_minutes,

    ---------- durations
    {{ minutes('tickets.resolution_micros') }} as resolution_minutes,
    {{ minutes('tickets.resolution_business_micros') }} as resolution_business_minutes,
    {{ minutes('tickets.first_reply_micros') }} as first_reply_minutes,
    {{ minutes('tickets.first_reply_business_micros') }} as first_reply_business_minutes,

    ---------- counts
    tickets.reopen_count,
    tickets.agent_reply_count
from {{ ref('int_tickets') }} as tickets
left join {{ ref('int_ticket_sla_clocks') }} as resolutions
    on
        tickets.ticket_key = resolutions.ticket_key
        and resolutions.metric = 'resolution'
        and resolutions.stopped_at is not null
left join {{ ref('int_ticket_sla_clocks') }} as first_replies
    on
        tickets.ticket_key = first_replies.ticket_key
        and first_replies.metric = 'first_reply'
        and first_replies.stopped_at is not null
