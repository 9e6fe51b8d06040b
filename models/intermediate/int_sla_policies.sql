-- Policies with blank markets and severities spelled out. Of those that match, the one with the lowest precedence is in force.
with

severities as (

    select 'P1' as severity
    union all
    select 'P2' as severity
    union all
    select 'P3' as severity
    union all
    select 'P4' as severity

),

ranked as (

    select
        *,
        row_number() over (
            order by
                case when market is null then 1 else 0 end,
                case when category is null then 1 else 0 end,
                case when severity is null then 1 else 0 end,
                case when source is null then 1 else 0 end,
                policy
        ) as precedence
    from {{ ref('sla_policies') }}

)

select
    ranked.precedence,
    ranked.policy,
    ranked.metric,
    ranked.source,
    markets.market,
    ranked.category,
    severities.severity,
    ranked.hours,
    cast(ranked.target_minutes as double) as target_minutes,
    cast(round(ranked.target_minutes * 60000000) as bigint) as target_micros,
    coalesce(ranked.valid_from, cast('0001-01-01' as date)) as valid_from,
    coalesce(ranked.valid_to, cast('9999-12-31' as date)) as valid_to
from ranked
inner join {{ ref('markets') }} as markets on ranked.market is null or ranked.market = markets.market
inner join severities on ranked.severity is null or ranked.severity = severities.severity
