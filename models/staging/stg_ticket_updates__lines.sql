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
{%- for seed in reference_data_columns() %}
-- depends_on: {{ ref(seed) }}
{%- endfor %}

{% set first_day = first_unread_day('ticket_updates') %}
{% set text_fields = [
    'ticket_id', 'updated_at', 'created_at', 'status', 'severity', 'market', 'source', 'update_id', 'event', 'category',
    'channel', 'product', 'team', 'agent_id', 'customer_id', 'vehicle_id', 'subject', 'sla_due_at',
] %}
{% set timestamp_fields = ['updated_at', 'created_at', 'sla_due_at'] %}
{% set required_fields = ['ticket_id', 'updated_at', 'created_at', 'status', 'severity', 'market'] %}

with

parsed as (

    select
        landed_on,
        file,
        line,
        {{ parse_json_object('line', text_fields, ['sequence', 'satisfaction']) }} as fields,
        is_whole and {{ is_strict_json_object('line') }} as is_strict
    from {{ landed_lines('ticket_updates', first_day) }} as lines
    where not {{ is_blank('line') }}

),

given as (

    select
        landed_on,
        file,
        line,
        fields is not null and is_strict as is_json_object,
        {% for field in text_fields -%}
        {{ absent_if_blank('fields.' ~ field) }} as {{ field }},
        {% endfor -%}
        {{ absent_if_blank_json(json_text('fields.sequence')) }} as sequence,
        {{ absent_if_blank_json(json_text('fields.satisfaction')) }} as satisfaction
    from parsed

),

typed as (

    select
        landed_on,
        file,
        line,
        is_json_object,
        ticket_id,
        status,
        severity,
        market,
        coalesce(source, 'helpdesk') as source,
        coalesce(update_id, {{ md5_hex('line') }}) as update_id,
        update_id is not null as states_update_id,
        event,
        category,
        channel,
        product,
        team,
        agent_id,
        customer_id,
        vehicle_id,
        subject,
        {% for field in timestamp_fields -%}
        {{ strict_timestamp(field) }} as {{ field }},
        {{ field }} is not null as has_{{ field }},
        {% endfor -%}
        {{ strict_integer('sequence') }} as sequence,
        sequence is not null as has_sequence,
        {{ strict_integer('satisfaction') }} as satisfaction,
        satisfaction is not null as has_satisfaction
    from given

),

checked as (

    select
        typed.*,
        case
            when not typed.is_json_object then 'not_json'
            when typed.ticket_id is null then 'missing_ticket_id'
            when not typed.has_updated_at then 'missing_updated_at'
            when not typed.has_created_at then 'missing_created_at'
            when typed.status is null then 'missing_status'
            when typed.severity is null then 'missing_severity'
            when typed.market is null then 'missing_market'
            when typed.updated_at is null or not {{ is_supported_moment('typed.updated_at') }} then 'bad_updated_at'
            when typed.created_at is null or not {{ is_supported_moment('typed.created_at') }} then 'bad_created_at'
            when
                typed.has_sla_due_at
                and (typed.sla_due_at is null or not {{ is_supported_moment('typed.sla_due_at') }})
                then 'bad_sla_due_at'
            when typed.has_sequence and typed.sequence is null then 'bad_sequence'
            when
                typed.has_satisfaction and (typed.satisfaction is null or typed.satisfaction not between 1 and 5)
                then 'bad_satisfaction'
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
    source || ':' || ticket_id as ticket_key,
    case when reason is null then source end as source,
    case when reason is null then ticket_id end as ticket_id,
    case when reason is null then update_id end as update_id,
    case when reason is null then states_update_id end as states_update_id,

    ---------- landing
    landed_on,
    file,
    reason,
    case when reason is not null then line end as line,
    {{ text_hash('line') }} as line_hash,
    {{ next_load() }} as load_id,

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
    sla_due_at
from checked
