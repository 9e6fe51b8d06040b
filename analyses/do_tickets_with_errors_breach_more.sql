-- Do tickets with many errors breach more often? Breach rate and resolution time by the number of errors in a ticket's logs.
-- A ticket that is open longer has more time for errors, so this says that they go together, not which comes of which.
with

tickets as (

    select
        tickets.is_sla_breached,
        tickets.resolution_hours,
        case
            when health.error_count is null then 'no logs'
            when health.error_count = 0 then '0'
            when health.error_count <= 2 then '1 to 2'
            else '3 or more'
        end as errors
    from {{ ref('fct_tickets') }} as tickets
    left join {{ ref('ticket_log_health') }} as health on tickets.ticket_key = health.ticket_key

)

select
    errors,
    count(*) as tickets,
    count(*) filter (where is_sla_breached) as breached,
    avg(case when is_sla_breached then 1e0 when not is_sla_breached then 0e0 end) as breach_rate,
    {{ nearest_rank('resolution_hours', 0.5) }} as resolution_hours_median
from tickets
group by errors
order by errors
