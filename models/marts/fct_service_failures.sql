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
        vehicle_model,
        serviced_at,
        is_warranty,
        landed_on,
        -- A code that a record gives twice is one failure.
        {{ distinct_elements(each_element(parse_json_array('failure_codes'), 'code', code_of('code'))) }} as codes
    from {{ ref('int_service_records') }}
    where
        failure_count > 0
        and {{ is_changed_record('service_records') }}

)

select
    service_record_id,
    failure_code,
    vehicle_id,
    vehicle_model,
    serviced_at,
    coalesce(is_warranty, false) as is_warranty,
    landed_on
from listed
cross join unnest(codes) as given (failure_code)
