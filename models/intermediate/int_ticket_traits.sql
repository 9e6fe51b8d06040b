{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_months'},
        post_hook="{{ record_load() }}",
    )
}}

select distinct
    cast(date_trunc('month', ticket_created_at) as date) as opened_month,
    market,
    severity,
    agent_id
from {{ ref('int_ticket_states') }}
where {{ in_months('ticket_created_at', changed_months()) }}
