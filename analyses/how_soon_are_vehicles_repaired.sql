-- How soon are vehicles repaired that a ticket is about? The share within 30 days of the ticket, and the days until then.
-- Tickets of the last 30 days are left out: their time is not up.
with

repairs as (

    select
        tickets.ticket_key,
        coalesce(tickets.category, '(none)') as category,
        tickets.created_at,
        min(records.serviced_at) as repaired_at
    from {{ ref('fct_tickets') }} as tickets
    cross join {{ ref('int_as_of') }} as now
    left join {{ ref('fct_service_records') }} as records
        on
            tickets.vehicle_id = records.vehicle_id
            and records.service_type in ('repair', 'warranty')
            and tickets.created_at <= records.serviced_at
            and records.serviced_at <= tickets.created_at + interval '30' day
    where
        tickets.vehicle_id is not null
        -- For younger ones the time is not up.
        and tickets.created_at <= now.as_of - interval '30' day
    group by tickets.ticket_key, coalesce(tickets.category, '(none)'), tickets.created_at

),

waits as (

    select
        category,
        case when repaired_at is not null then 1e0 else 0e0 end as is_repaired,
        {{ hours(micros_between('created_at', 'repaired_at')) }} / 24 as days_to_repair
    from repairs

)

select
    category,
    count(*) as tickets,
    avg(is_repaired) as repaired_share,
    {{ nearest_rank('days_to_repair', 0.5) }} as days_to_repair_median,
    {{ nearest_rank('days_to_repair', 0.9) }} as days_to_repair_p90
from waits
group by category
order by repaired_share desc, category asc
