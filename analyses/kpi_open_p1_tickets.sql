-- P1 tickets still open, longest overdue first, then the next due. Without a due time: paused and in time, or no policy holds.
select
    tickets.ticket_key,
    tickets.market,
    tickets.status,
    tickets.team,
    tickets.agent_id,
    tickets.subject,
    tickets.created_at,
    tickets.resolution_due_at,
    case
        when tickets.resolution_due_at < now.as_of then {{ hours(micros_between('tickets.resolution_due_at', 'now.as_of')) }}
    end as overdue_hours
from {{ ref('fct_tickets') }} as tickets
cross join {{ ref('int_as_of') }} as now
where
    tickets.is_open
    and tickets.severity = 'P1'
order by tickets.resolution_due_at nulls last, tickets.ticket_key
