-- What ticket_kpis_daily counts is set off against what the other tables do, and must leave nothing.
{% set months = months_reaching(first_untested_day()) %}

with

kpis as (

    select
        day,
        market,
        severity,
        created,
        resolved,
        reopened,
        sla_breached
    from {{ ref('ticket_kpis_daily') }}
    where {{ is_untested_day('day') }}

),

tickets as (

    select
        market,
        cast(created_at as date) as created_on,
        case when is_sla_breached then cast(sla_breached_at as date) end as breached_on
    from {{ ref('fct_tickets') }}
    where {{ in_months('created_at', months) }}

),

set_off as (

    select
        'backlog_daily' as compared_with,
        day,
        market,
        severity,
        created,
        resolved,
        reopened,
        0 as sla_breached
    from kpis

    union all

    select
        'backlog_daily' as compared_with,
        day,
        market,
        severity,
        -created as created,
        -resolved as resolved,
        -reopened as reopened,
        0 as sla_breached
    from {{ ref('backlog_daily') }}
    where {{ is_untested_day('day') }}

    union all

    select
        'ops_metrics_daily' as compared_with,
        day,
        null as market,
        null as severity,
        created,
        resolved,
        reopened,
        sla_breached
    from kpis

    union all

    select
        'ops_metrics_daily' as compared_with,
        day,
        null as market,
        null as severity,
        -created as created,
        -resolved as resolved,
        -reopened as reopened,
        -sla_breached as sla_breached
    from {{ ref('ops_metrics_daily') }}
    where {{ is_untested_day('day') }}

    union all

    select
        'fct_tickets' as compared_with,
        day,
        market,
        null as severity,
        created,
        0 as resolved,
        0 as reopened,
        sla_breached
    from kpis

    union all

    -- A ticket counts on the day of its creation, and on that of its breach.
    select
        'fct_tickets' as compared_with,
        case when counts.is_creation then tickets.created_on else tickets.breached_on end as day,
        tickets.market,
        null as severity,
        case when counts.is_creation then -1 else 0 end as created,
        0 as resolved,
        0 as reopened,
        case when counts.is_creation then 0 else -1 end as sla_breached
    from tickets
    cross join (values (true), (false)) as counts (is_creation)
    where {{ is_untested_day('case when counts.is_creation then tickets.created_on else tickets.breached_on end') }}

)

select
    compared_with,
    day,
    market,
    severity,
    sum(created) as created,
    sum(resolved) as resolved,
    sum(reopened) as reopened,
    sum(sla_breached) as sla_breached
from set_off
where day is not null
group by compared_with, day, market, severity
having sum(created) <> 0 or sum(resolved) <> 0 or sum(reopened) <> 0 or sum(sla_breached) <> 0
