-- Severity distribution: tickets by the severity that they have now, their share of all, and how many of them are open.
select
    severity,
    count(*) as tickets,
    cast(count(*) as double) / sum(count(*)) over () as share_of_tickets,
    count(*) filter (where is_open) as open_tickets
from {{ ref('fct_tickets') }}
group by severity
order by severity
