{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': ['support_logs'], 'replaces': 'days_read'},
        post_hook=[
            "{{ quarantine_unreadable_lines('support_logs') }}",
            "{{ keep_contested_lines('support_logs') }}",
            "{{ record_load() }}",
        ],
    )
}}
{% do partition_by_month('logged_at') %}

with

typed as (

    select * from {{ typed_lines('support_logs') }} as typed

),

checked as (

    select
        *,
        case
            {{ general_reasons('support_logs', 'typed') }}
            {{ value_reasons('support_logs', 'typed') }}
            {{ future_reason('support_logs', 'typed') }}
        end as reason
    from typed

)

select
    ---------- keys
    case when reason is null then log_id end as log_id,
    {{ ticket_key() }} as ticket_key,
    {{ ticket_source() }} as source,
    ticket_id,

    ---------- landing
    {{ landing_columns() }},

    ---------- what was logged
    logged_at,
    log_level,
    component,
    message,
    response_time_ms,
    cpu_percent
from checked
