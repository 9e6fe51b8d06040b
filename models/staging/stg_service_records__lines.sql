{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': ['service_records'], 'replaces': 'days_read'},
        post_hook=[
            "{{ quarantine_unreadable_lines('service_records') }}",
            "{{ keep_contested_lines('service_records') }}",
            "{{ record_load() }}",
        ],
    )
}}
{% do partition_by_month('serviced_at') %}
{{- follows_reference_data() }}

{% set part = element_values('service_records', 'parts', 'part') %}
{% set part_types = {'part_code': 'varchar', 'part_name': 'varchar', 'quantity': 'double', 'unit_price': 'double'} %}
{% set part_is_bad = is_bad_element('service_records', 'parts', 'part') %}
{% set is_text = "starts_with(coalesce(" ~ absent_if_blank_json('code') ~ ", '\"'), '\"')" %}
{% set code_is_bad = 'not ' ~ is_text ~ ' and ' ~ strict_integer('code') ~ ' is null' %}
{% set currency_is_bad = '(listed.currency is not null and currencies.currency is null)' %}

with

typed as (

    select * from {{ typed_lines('service_records') }} as typed

),

parsed as (

    select
        *,
        {{ parse_json_objects('parts', ['part_code', 'part_name'], ['quantity', 'unit_price']) }} as given_parts,
        {{ parse_json_array('failure_codes') }} as given_codes
    from typed

),

listed as (

    select
        *,
        {{ each_element('given_parts', 'part', struct_of(part, part_types)) }} as listed_parts,
        -- A code that a record gives twice is one failure.
        {{ distinct_elements(each_element('given_codes', 'code', code_of('code'))) }} as listed_codes
    from parsed

),

checked as (

    select
        listed.*,
        case
            {{ general_reasons('service_records', 'listed', bad={'currency': currency_is_bad}) }}
            {{ value_reasons('service_records', 'listed') }}
            when
                listed.has_parts
                and (listed.listed_parts is null or {{ any_element('listed.listed_parts', 'part', part_is_bad) }})
                then 'bad_parts'
            when
                listed.has_failure_codes
                and (listed.given_codes is null or {{ any_element('listed.given_codes', 'code', code_is_bad) }})
                then 'bad_failure_codes'
            when
                listed.currency is null
                and (listed.labor_cost is not null or {{ any_element('listed.listed_parts', 'part', 'part.unit_price is not null') }})
                then 'missing_currency'
            {{ future_reason('service_records', 'listed') }}
        end as reason
    from listed
    left join {{ ref('currencies') }} as currencies on listed.currency = currencies.currency

)

select
    ---------- keys
    case when reason is null then service_record_id end as service_record_id,
    dealership_id,
    vehicle_id,
    technician_id,

    ---------- landing
    {{ landing_columns() }},

    ---------- the service
    serviced_at,
    service_type,
    odometer_km,
    vehicle_model,
    city,
    notes,
    is_warranty,
    listed_codes as failure_codes,
    {{ count_of_elements('listed_codes') }} as failure_count,

    ---------- what it cost
    listed_parts as parts,
    {{ count_of_elements('listed_parts') }} as parts_count,
    {{ sum_of_elements('listed_parts', 'part', 'part.quantity * part.unit_price') }} as parts_cost,
    labor_hours,
    labor_cost,
    currency
from checked
