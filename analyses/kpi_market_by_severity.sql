-- Market × severity: tickets of each market in a row, by the severity that they have now in a column.
select
    markets.market,
    {% for severity in ['P1', 'P2', 'P3', 'P4'] -%}
    count(*) filter (where tickets.severity = '{{ severity }}') as {{ severity | lower }},
    {% endfor -%}
    count(tickets.ticket_key) as all_tickets
from {{ ref('dim_markets') }} as markets
left join {{ ref('fct_tickets') }} as tickets on markets.market = tickets.market
group by markets.market
order by markets.market
