-- Which agents resolve calls best, and do their tickets stay in time? The highest share of resolved calls first.
-- Agents with fewer than 20 calls are left out.
with

tickets as (

    select
        agent_id,
        count(*) as tickets,
        avg(case when is_sla_breached then 1e0 when not is_sla_breached then 0e0 end) as breach_rate
    from {{ ref('fct_tickets') }}
    where agent_id is not null
    group by agent_id

)

select
    ranking.rank_resolved_share,
    ranking.agent_id,
    ranking.agent_name,
    ranking.region,
    ranking.calls,
    ranking.resolved_share,
    ranking.escalated_share,
    ranking.rating_avg,
    coalesce(tickets.tickets, 0) as tickets,
    tickets.breach_rate
from {{ ref('agent_call_ranking') }} as ranking
left join tickets on ranking.agent_id = tickets.agent_id
where ranking.rank_resolved_share is not null
order by ranking.rank_resolved_share, ranking.agent_id
