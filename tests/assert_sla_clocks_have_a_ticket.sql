-- Clocks whose ticket is not in fct_tickets.
select
    slas.ticket_key,
    slas.metric,
    slas.instance
from {{ ref('fct_ticket_slas') }} as slas
left join {{ ref('fct_tickets') }} as tickets
    on slas.ticket_key = tickets.ticket_key and {{ is_untested_ticket('tickets.ticket_key', 'tickets.created_at') }}
where
    tickets.ticket_key is null
    and {{ is_untested_ticket('slas.ticket_key', 'slas.started_at', or_later=true) }}
