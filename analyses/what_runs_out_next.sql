-- SLA clocks that run out in the next four hours: what to pick up first.
select
    slas.ticket_key,
    slas.metric,
    slas.severity,
    slas.due_at
from {{ ref('fct_ticket_slas') }} as slas
cross join {{ ref('int_as_of') }} as now
where
    slas.state = 'active'
    and slas.due_at < now.as_of + interval '4' hour
order by slas.due_at, slas.ticket_key, slas.metric
