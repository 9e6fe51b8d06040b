with

agents as (

    select
        agent_id,
        max(agent_name) as agent_name,
        max(region) as region,
        max(team) as team,
        cast(count(*) as integer) as calls,
        cast(sum(call_duration_minutes) as double) / count(*) as minutes_avg,
        cast(sum(cast(rating as decimal(18, 9))) as double) / nullif(count(rating), 0) as rating_avg,
        cast(count(rating) as integer) as rated_calls,
        cast(count(*) filter (where resolution = 'resolved') as double) / count(*) as resolved_share,
        cast(count(*) filter (where resolution = 'escalated') as double) / count(*) as escalated_share
    from {{ ref('fct_calls') }}
    group by agent_id

),

-- Ties are ties: sums that are the same in any order, and quotients without their last digits.
ranks as (

    select
        agent_id,
        rank() over (order by calls desc) as by_calls,
        rank() over (order by round(minutes_avg, 9) asc) as by_minutes_avg,
        rank() over (order by round(rating_avg, 9) desc nulls last) as by_rating_avg,
        rank() over (order by rated_calls desc) as by_rated_calls,
        rank() over (order by round(resolved_share, 9) desc) as by_resolved_share,
        rank() over (order by round(escalated_share, 9) asc) as by_escalated_share
    from agents
    where calls >= 20

)

select
    agents.agent_id,
    agents.agent_name,
    agents.region,
    agents.team,
    agents.calls,
    agents.minutes_avg,
    agents.rating_avg,
    agents.rated_calls,
    agents.resolved_share,
    agents.escalated_share,
    cast(ranks.by_calls as integer) as rank_calls,
    cast(ranks.by_minutes_avg as integer) as rank_minutes_avg,
    cast(case when agents.rating_avg is not null then ranks.by_rating_avg end as integer) as rank_rating_avg,
    cast(ranks.by_rated_calls as integer) as rank_rated_calls,
    cast(ranks.by_resolved_share as integer) as rank_resolved_share,
    cast(ranks.by_escalated_share as integer) as rank_escalated_share
from agents
left join ranks on agents.agent_id = ranks.agent_id
