{{ config(materialized='view') }}

with

clocks as (

    select
        clocks.*,
        now.as_of,
        now.open_micros,
        -- A span that begins at as_of has no length yet: what came before it still says by which rule the row is judged.
        clocks.current_policy is not null and (clocks.current_since < now.as_of or clocks.policy is null) as is_judged_by_current,
        case when clocks.breaches_at < now.as_of then clocks.breaches_at end as breached_at
    from {{ ref('int_ticket_sla_clocks') }} as clocks
    inner join {{ ref('int_as_of_business_time') }} as now on clocks.calendar = now.calendar

)

select
    ticket_key,
    metric,
    instance,
    case when is_judged_by_current then current_policy else policy end as policy,
    case when is_judged_by_current then current_target_minutes else target_minutes end as target_minutes,
    case when is_judged_by_current then current_hours else hours end as hours,
    case when is_judged_by_current then current_severity else severity end as severity,
    started_at,
    stopped_at,
    {{ sla_due_at() }} as due_at,
    breached_at,
    {{ minutes('(elapsed_micros' ~ ' + ' ~ running_micros() ~ ')') }} as elapsed_minutes,
    case
        when breached_at is not null then 'breached'
        when stopped_at is not null then 'met'
        when is_running then 'active'
        else 'paused'
    end as state,
    breached_at is not null as is_breached
from clocks
