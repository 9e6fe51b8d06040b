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
            when log_level not in ('DEBUG', 'INFO', 'WARN', 'ERROR') then 'unknown_log_level'
            when response_time_ms < 0 then 'out_of_range_response_time_ms'
            when cpu_percent not between 0 and 100 then 'out_of_range_cpu_percent'
            when logged_at >= {{ add_days('landed_on', 2) }} then 'in_the_future'
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
    landed_on,
    file,
    reason,
    case when reason is not null then line end as line,
    {{ text_hash('line') }} as line_hash,
    {{ next_load() }} as load_id,

    ---------- what was logged
    logged_at,
    log_level,
    component,
    message,
    response_time_ms,
    cpu_percent
from checked
