{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'loads'},
        post_hook="{{ record_load() }}",
    )
}}

select distinct
    {{ last_recorded_load('stg_ticket_updates__lines') }} as load_id,
    cast(date_trunc('month', created_at) as date) as opened_month
from {{ ref('stg_ticket_updates__lines') }}
where
    created_at is not null
    and {{ is_changed_ticket('ticket_key') }}
