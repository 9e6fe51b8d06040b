-- Which components fail before breaches? Of the tickets on which a component reported errors, those that breached after one.
-- A rate of few tickets says little; what a ticket without errors has is in do_tickets_with_errors_breach_more.
with

-- An error after the breach does not tell how it came about.
failing as (

    select distinct
        coalesce(support_logs.component, '(none)') as component,
        tickets.ticket_key,
        tickets.is_sla_breached
    from {{ ref('fct_support_logs') }} as support_logs
    inner join {{ ref('fct_tickets') }} as tickets on support_logs.ticket_key = tickets.ticket_key
    where
        support_logs.log_level = 'ERROR'
        and (tickets.sla_breached_at is null or support_logs.logged_at < tickets.sla_breached_at)

)

select
    component,
    count(*) as tickets_with_errors,
    count(*) filter (where is_sla_breached) as breached,
    avg(case when is_sla_breached then 1e0 when not is_sla_breached then 0e0 end) as breach_rate
from failing
group by component
order by breached desc, tickets_with_errors asc, component asc
