with

-- Vehicles that tickets name and no service record does: kept, so that every ticket finds its vehicle.
ticketed as (

    select distinct vehicle_id
    from {{ ref('int_tickets') }}
    where vehicle_id is not null

)

select
    coalesce(services.vehicle_id, ticketed.vehicle_id) as vehicle_id,
    services.vehicle_model,
    services.first_serviced_at,
    services.last_serviced_at,
    services.vehicle_id is not null as has_service_records,
    ticketed.vehicle_id is not null as has_tickets
from {{ ref('vehicle_service_history') }} as services
full outer join ticketed on services.vehicle_id = ticketed.vehicle_id
