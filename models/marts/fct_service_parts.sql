{{ config(materialized='view') }}

with

listed as (

    select
        service_record_id,
        line,
        vehicle_id,
        serviced_at,
        parts[line].part_code as part_code,
        parts[line].part_name as part_name,
        parts[line].quantity as quantity,
        parts[line].unit_price as unit_price,
        currency,
        landed_on
    from {{ ref('int_service_records') }}
    cross join unnest({{ numbers_between('1', 'parts_count') }}) as places (line)
    where parts_count > 0

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
from listed
