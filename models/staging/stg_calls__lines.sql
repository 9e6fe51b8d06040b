{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': ['calls'], 'replaces': 'days_read'},
        post_hook=[
            "{{ quarantine_unreadable_lines('calls') }}",
            "{{ keep_contested_lines('calls') }}",
            "{{ record_load() }}",
        ],
    )
}}
{% do partition_by_month('start_time') %}

with

typed as (

    select * from {{ typed_lines('calls') }} as typed

),

checked as (

    select
        *,
        case
            {{ general_reasons('calls', 'typed') }}
            when end_time <= start_time then 'not_positive_duration'
            {{ value_reasons('calls', 'typed') }}
        end as reason
    from typed

)

select
    ---------- keys
    case when reason is null then call_id end as call_id,
    {{ ticket_key() }} as ticket_key,
    {{ ticket_source() }} as source,
    ticket_id,
    agent_id,
    customer_id,

    ---------- landing
    {{ landing_columns() }},

    ---------- the call
    start_time,
    end_time,
    issue_type,
    resolution,
    rating
from checked
