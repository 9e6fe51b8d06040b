{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'read_updates'},
        post_hook="{{ record_load() }}",
    )
}}

{% set lines = ref('stg_ticket_updates__lines') %}
{% set months = repeated_months() %}

with

repeated_updates as (

    select
        source,
        update_id
    from {{ lines }}
    where
        reason is null
        and {{ is_changed_update('source', 'update_id') }}
        and {{ in_months('created_at', months) }}
    group by source, update_id
    having count(*) > 1

),

ranked as (

    select
        lines.*,
        row_number() over (
            partition by lines.source, lines.update_id
            order by lines.landed_on, lines.file, lines.line
        ) as landing_rank
    from {{ lines }} as lines
    inner join repeated_updates
        on lines.source = repeated_updates.source and lines.update_id = repeated_updates.update_id
    where
        lines.reason is null
        and {{ in_months('lines.created_at', months) }}

)

select
    ---------- keys
    ticket_key,
    source,
    ticket_id,
    update_id,

    ---------- landing
    landed_on,
    file,
    load_id,

    ---------- order
    updated_at,
    created_at,
    sequence,

    ---------- state
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
from ranked
where landing_rank = 1
