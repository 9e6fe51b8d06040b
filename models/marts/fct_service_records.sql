{{ config(materialized='view') }}

select
    ---------- keys
    service_record_id,
    dealership_id,
    vehicle_id,
    technician_id,

    ---------- the service
    serviced_at,
    service_type,
    odometer_km,
    vehicle_model,
    city,
    notes,
    is_warranty,
    coalesce(failure_count, 0) as failure_count,
    coalesce(parts_count, 0) as parts_count,

    ---------- what it cost
    coalesce(parts_cost, 0) as parts_cost,
    labor_hours,
    labor_cost,
    coalesce(parts_cost, 0) + coalesce(labor_cost, 0) as total_cost,
    currency
from {{ ref('int_service_records') }}
