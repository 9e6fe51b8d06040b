with

records as (

    select
        service_record_id,
        vehicle_id,
        vehicle_model,
        dealership_id,
        serviced_at,
        service_type,
        odometer_km,
        currency,
        total_cost
    from {{ ref('fct_service_records') }}

),

services as (

    select
        vehicle_id,
        {{ latest_value('vehicle_model', ['serviced_at', 'service_record_id']) }} as vehicle_model,
        min(serviced_at) as first_serviced_at,
        max(serviced_at) as last_serviced_at,
        count(*) as services,
        count(distinct dealership_id) as dealerships,
        count(*) filter (where service_type = 'repair') as repairs,
        {{ latest_value('odometer_km', ['serviced_at', 'service_record_id']) }} as last_odometer_km
    from records
    group by vehicle_id

),

---------- odometer

readings as (

    select
        vehicle_id,
        serviced_at,
        min(odometer_km) as lowest_km,
        max(odometer_km) as highest_km
    from records
    where odometer_km is not null
    group by vehicle_id, serviced_at

),

compared as (

    select
        vehicle_id,
        lowest_km < max(highest_km) over (
            partition by vehicle_id order by serviced_at rows between unbounded preceding and 1 preceding
        ) as ran_back
    from readings

),

odometers as (

    select
        vehicle_id,
        count(*) filter (where ran_back) > 0 as ran_back
    from compared
    group by vehicle_id

),

---------- costs

costs as (

    select
        vehicle_id,
        currency,
        sum(total_cost) as total_cost
    from records
    where currency is not null
    group by vehicle_id, currency

),

costs_by_vehicle as (

    select
        vehicle_id,
        {{ map_of('currency', 'total_cost') }} as total_cost_by_currency
    from costs
    group by vehicle_id

),

---------- tickets

tickets as (

    select
        vehicle_id,
        count(*) as tickets,
        count(*) filter (where is_open) as open_tickets
    from {{ ref('fct_tickets') }}
    where vehicle_id is not null
    group by vehicle_id

)

select
    services.vehicle_id,
    services.vehicle_model,
    cast(services.services as integer) as services,
    services.first_serviced_at,
    services.last_serviced_at,
    services.last_odometer_km,
    coalesce(odometers.ran_back, false) as odometer_ran_back,
    cast(services.dealerships as integer) as dealerships,
    cast(services.repairs as integer) as repairs,
    coalesce(costs_by_vehicle.total_cost_by_currency, {{ empty_map() }}) as total_cost_by_currency,
    cast(coalesce(tickets.tickets, 0) as integer) as tickets,
    cast(coalesce(tickets.open_tickets, 0) as integer) as open_tickets
from services
left join odometers on services.vehicle_id = odometers.vehicle_id
left join costs_by_vehicle on services.vehicle_id = costs_by_vehicle.vehicle_id
left join tickets on services.vehicle_id = tickets.vehicle_id
