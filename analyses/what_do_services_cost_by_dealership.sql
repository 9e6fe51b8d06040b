-- What do services cost by dealership? The mean cost of a service, the dearest dealership of a currency and service type first.
-- Nothing adds up across currencies; services without a currency are left out.
select
    monthly.currency,
    monthly.service_type,
    monthly.dealership_id,
    max(dealerships.city) as city,
    sum(monthly.records) as services,
    sum(monthly.parts_cost) / sum(monthly.records) as parts_cost_avg,
    sum(monthly.labor_cost) / sum(monthly.records) as labor_cost_avg,
    sum(monthly.parts_cost + monthly.labor_cost) / sum(monthly.records) as total_cost_avg
from {{ ref('service_costs_monthly') }} as monthly
inner join {{ ref('dim_dealerships') }} as dealerships on monthly.dealership_id = dealerships.dealership_id
where monthly.currency <> '(none)'
group by monthly.currency, monthly.service_type, monthly.dealership_id
order by monthly.currency asc, monthly.service_type asc, total_cost_avg desc, monthly.dealership_id asc
