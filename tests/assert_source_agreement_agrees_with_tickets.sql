-- Sources and metrics of which `source_agreement` counts other tickets than differ, or with another result than `fct_tickets` has.
with

counted as (

    select
        source,
        metric,
        differ
    from {{ ref('source_agreement') }}
    where differ > 0

),

listed as (

    select
        listed.source,
        listed.metric,
        count(*) as differ,
        count(*) filter (
            where not abs(
                case listed.metric
                    when 'resolution_minutes' then tickets.resolution_hours * 60
                    when 'resolution_business_minutes' then tickets.resolution_business_hours * 60
                    when 'first_reply_minutes' then tickets.first_reply_hours * 60
                    when 'first_reply_business_minutes' then tickets.first_reply_business_hours * 60
                    when 'reopen_count' then tickets.reopen_count
                    when 'agent_reply_count' then tickets.agent_reply_count
                    when 'sla_breached' then cast(tickets.is_sla_breached as double)
                    else listed.lake_value
                end - listed.lake_value
            ) < 0.001
        ) as wrong
    from {{ ref('source_disagreements') }} as listed
    inner join {{ ref('fct_tickets') }} as tickets on listed.ticket_key = tickets.ticket_key
    group by listed.source, listed.metric

)

select
    coalesce(counted.source, listed.source) as source,
    coalesce(counted.metric, listed.metric) as metric,
    counted.differ,
    listed.differ as listed,
    listed.wrong
from counted
full outer join listed on counted.source = listed.source and counted.metric = listed.metric
where counted.differ is distinct from listed.differ or listed.wrong > 0
