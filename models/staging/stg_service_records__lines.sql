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
{%- for seed in reference_data_columns() %}
-- depends_on: {{ ref(seed) }}
{%- endfor %}

{# A number that is due and cannot be read is below 0, which is refused as well. #}
{% set part = {
    'part_code': absent_if_blank('part.part_code'),
    'part_name': absent_if_blank('part.part_name'),
    'quantity': 'coalesce(' ~ strict_number(json_text('part.quantity')) ~ ', -1)',
    'unit_price':
        'case when ' ~ absent_if_blank_json(json_text('part.unit_price')) ~ ' is not null'
        ~ ' then coalesce(' ~ strict_number(json_text('part.unit_price')) ~ ', -1) end',
} %}
{% set part_types = {'part_code': 'varchar', 'part_name': 'varchar', 'quantity': 'double', 'unit_price': 'double'} %}
{% set part_is_bad = 'part.part_code is null or part.quantity <= 0 or coalesce(part.unit_price, 0) < 0' %}
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
            when listed.service_type not in ('maintenance', 'repair', 'recall', 'inspection', 'warranty') then 'unknown_service_type'
            when listed.odometer_km < 0 then 'out_of_range_odometer_km'
            when listed.labor_hours < 0 then 'out_of_range_labor_hours'
            when listed.labor_cost < 0 then 'out_of_range_labor_cost'
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
            when listed.serviced_at >= {{ add_days('listed.landed_on', 2) }} then 'in_the_future'
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
    landed_on,
    file,
    reason,
    case when reason is not null then line end as line,
    {{ text_hash('line') }} as line_hash,
    {{ next_load() }} as load_id,

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
