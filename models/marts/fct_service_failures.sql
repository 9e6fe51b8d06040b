{{ config(materialized='view') }}

select
    service_record_id,
    failure_code,
    vehicle_id,
    vehicle_model,
    serviced_at,
    coalesce(is_warranty, false) as is_warranty,
    landed_on
from {{ ref('int_service_records') }}
cross join unnest(failure_codes) as given (failure_code)
