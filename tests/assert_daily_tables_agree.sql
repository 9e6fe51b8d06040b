-- What ticket_kpis_daily counts is set off against what the other tables do, and must leave nothing.
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

    select
        'fct_tickets' as compared_with,
        cast(created_at as date) as day,
        market,
        null as severity,
        -1 as created,
        0 as resolved,
        0 as reopened,
        0 as sla_breached
    from {{ ref('fct_tickets') }}

    union all

    select
        'fct_tickets' as compared_with,
        cast(sla_breached_at as date) as day,
        market,
        null as severity,
        0 as created,
        0 as resolved,
        0 as reopened,
        -1 as sla_breached
    from {{ ref('fct_tickets') }}
    where is_sla_breached

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
group by compared_with, day, market, severity
having sum(created) <> 0 or sum(resolved) <> 0 or sum(reopened) <> 0 or sum(sla_breached) <> 0
