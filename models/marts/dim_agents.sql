with

known as (

    select
        agent_id,
        agent_name,
        region,
        team
    from {{ ref('agents') }}

),

-- Agents that tickets or calls name and the seed does not yet: kept, so that every number has its row.
seen as (

    select agent_id
    from {{ ref('int_ticket_traits') }}
    where agent_id is not null

    union

    select agent_id
    from {{ ref('fct_calls') }}

)

select
    coalesce(known.agent_id, seen.agent_id) as agent_id,
    known.agent_name,
    known.region,
    known.team,
    known.agent_id is not null as is_known
from known
full outer join seen on known.agent_id = seen.agent_id
