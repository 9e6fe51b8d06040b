{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'days_read'},
        post_hook=[
            "{{ quarantine_unreadable_lines('ticket_updates') }}",
            "{{ keep_contested_lines('ticket_updates') }}",
            "{{ record_load() }}",
        ],
    )
}}
{% do partition_by_month('created_at') %}
{{- follows_reference_data() }}

with

typed as (

    select * from {{ typed_lines('ticket_updates') }} as typed

),

checked as (

    select
        typed.*,
        case
            {{ general_reasons('ticket_updates', 'typed', bad={'satisfaction': 'typed.satisfaction not between 1 and 5'}) }}
            when statuses.status is null then 'unknown_status'
            when typed.severity not in ('P1', 'P2', 'P3', 'P4') then 'unknown_severity'
            when markets.market is null then 'unknown_market'
            when
                greatest(typed.updated_at, typed.created_at) >= {{ add_days('typed.landed_on', 2) }}
                then 'in_the_future'
        end as reason
    from typed
    left join {{ ref('ticket_statuses') }} as statuses on typed.status = statuses.status
    left join {{ ref('markets') }} as markets on typed.market = markets.market

)

select
    ---------- keys
    {{ ticket_key() }} as ticket_key,
    case when reason is null then {{ ticket_source() }} end as source,
    case when reason is null then ticket_id end as ticket_id,
    case when reason is null then coalesce(update_id, {{ md5_hex('line') }}) end as update_id,
    case when reason is null then update_id is not null end as states_update_id,

    ---------- landing
    {{ landing_columns() }},

    ---------- order
    greatest(updated_at, created_at) as updated_at,
    created_at,
    coalesce(sequence, 0) as sequence,

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
    cast(satisfaction as integer) as satisfaction,
    sla_due_at,

    ---------- results of the source's own
    {{ source_results().values() | join(',\n    ') }}
from checked
