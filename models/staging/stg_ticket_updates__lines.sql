{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'landed_days'},
        post_hook=["{{ quarantine_unreadable_lines('ticket_updates') }}", "{{ record_load() }}"],
    )
}}
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

lines as (

    select
        cast(dt as date) as landed_on,
        {{ landed_file('ticket_updates') }} as file,
        line,
        {{ is_whole_line() }} as is_whole
    from {{ source('raw', 'ticket_updates') }}
    where
        {{ is_landing() }}
        {%- if first_day %}
        and dt >= '{{ first_day }}'
        {%- endif %}

),

parsed as (

    select
        landed_on,
        file,
        line,
        {{ parse_json_object('line', text_fields, ['sequence', 'satisfaction']) }} as fields,
        is_whole and {{ is_strict_json_object('line') }} as is_strict
    from lines
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
        {{ absent_if_blank_json('fields.sequence') }} as sequence,
        {{ absent_if_blank_json('fields.satisfaction') }} as satisfaction
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

),

repeated_updates as (

    select
        source,
        update_id
    from checked
    where reason is null
    group by source, update_id
    having count(*) > 1

),

{% if first_day %}
landed_before as (

    select
        source,
        update_id
    from {{ this }}
    where
        reason is null
        and not is_duplicate
        and landed_on < cast('{{ first_day }}' as date)

),
{% endif %}

-- Of the lines that share an identity the first landed is the update. Ranking only those spares a sort of all.
ranked as (

    select
        checked.*,
        1 as landing_rank
    from checked
    left join repeated_updates
        on checked.source = repeated_updates.source and checked.update_id = repeated_updates.update_id
    where checked.reason is not null or repeated_updates.update_id is null

    union all

    select
        checked.*,
        row_number() over (
            partition by checked.source, checked.update_id
            order by checked.landed_on, checked.file, checked.line
        ) as landing_rank
    from checked
    inner join repeated_updates
        on checked.source = repeated_updates.source and checked.update_id = repeated_updates.update_id
    where checked.reason is null

)

select
    ---------- keys
    case when ranked.reason is null then ranked.source || ':' || ranked.ticket_id end as ticket_key,
    case when ranked.reason is null then ranked.source end as source,
    case when ranked.reason is null then ranked.ticket_id end as ticket_id,
    case when ranked.reason is null then ranked.update_id end as update_id,

    ---------- landing
    ranked.landed_on,
    ranked.file,
    ranked.reason,
    case when ranked.reason is not null then ranked.line end as line,
    {{ next_load() }} as load_id,

    ---------- order
    greatest(ranked.updated_at, ranked.created_at) as updated_at,
    ranked.created_at,
    coalesce(ranked.sequence, 0) as sequence,

    ---------- state
    ranked.status,
    ranked.severity,
    ranked.market,
    ranked.event,
    ranked.category,
    ranked.channel,
    ranked.product,
    ranked.team,
    ranked.agent_id,
    ranked.customer_id,
    ranked.vehicle_id,
    ranked.subject,
    cast(ranked.satisfaction as integer) as satisfaction,
    ranked.sla_due_at,

    ranked.landing_rank > 1{{ ' or landed_before.update_id is not null' if first_day }} as is_duplicate
from ranked
{% if first_day %}
left join landed_before
    on
        ranked.source = landed_before.source
        and ranked.update_id = landed_before.update_id
        and ranked.reason is null
{% endif %}
