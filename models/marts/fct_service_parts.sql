{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': ['service_records'], 'replaces': 'read_records'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('serviced_at') %}

with

listed as (

    select
        service_record_id,
        vehicle_id,
        serviced_at,
        currency,
        landed_on,
        parts_count,
        {{ parse_json_objects('parts', ['part_code', 'part_name'], ['quantity', 'unit_price']) }} as parts
    from {{ ref('int_service_records') }}
    where
        parts_count > 0
        and {{ is_changed_record('service_records') }}

),

given as (

    select
        service_record_id,
        vehicle_id,
        serviced_at,
        currency,
        landed_on,
        line,
        parts[line].part_code as part_code,
        {{ absent_if_blank('parts[line].part_name') }} as part_name,
        {{ strict_number(json_text('parts[line].quantity')) }} as quantity,
        {{ strict_number(json_text('parts[line].unit_price')) }} as unit_price
    from listed
    cross join unnest({{ numbers_between('1', 'parts_count') }}) as places (line)

)

select
    ---------- keys
    service_record_id,
    cast(line as integer) as line,
    part_code,
    vehicle_id,

    ---------- the part
    serviced_at,
    part_name,
    quantity,
    unit_price,
    quantity * unit_price as cost,
    currency,

    ---------- landing
    landed_on
from given
