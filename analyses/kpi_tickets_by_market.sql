-- Tickets by market, the most first: all of them, their share, and how many are open. A market without a ticket shows zero.
select
    markets.market,
    markets.market_name,
    count(tickets.ticket_key) as tickets,
    cast(count(tickets.ticket_key) as double) / sum(count(tickets.ticket_key)) over () as share_of_tickets,
    count(*) filter (where tickets.is_open) as open_tickets
from {{ ref('dim_markets') }} as markets
left join {{ ref('fct_tickets') }} as tickets on markets.market = tickets.market
group by markets.market, markets.market_name
order by tickets desc, markets.market asc
