-- SLA breach rate against target: of each metric's clocks, the share that has breached, and whether that is within the target rate.
-- A clock that still runs counts as in time, so look at `running`, too. What the desk has promised is for you to set:
{% set target_rate = 0.1 %}

with

rates as (

    select
        metric,
        severity,
        count(*) as clocks,
        count(*) filter (where state in ('active', 'paused')) as running,
        count(*) filter (where is_breached) as breached,
        avg(case when is_breached then 1e0 else 0e0 end) as breach_rate,
        cast({{ target_rate }} as double) as target_rate
    from {{ ref('fct_ticket_slas') }}
    group by metric, severity

)

select
    metric,
    severity,
    clocks,
    running,
    breached,
    breach_rate,
    target_rate,
    breach_rate <= target_rate as is_on_target
from rates
order by metric, severity
