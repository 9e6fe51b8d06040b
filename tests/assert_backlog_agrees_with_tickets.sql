-- Markets and severities whose backlog at as_of is not what the open tickets say.
with

backlog as (

    select
        backlog_daily.market,
        backlog_daily.severity,
        backlog_daily.closing,
        backlog_daily.overdue
    from {{ ref('backlog_daily') }} as backlog_daily
    inner join {{ ref('int_as_of') }} as bounds on backlog_daily.day = cast(bounds.as_of as date)

),

open_tickets as (

    select
        market,
        severity,
        count(*) as open_count,
        sum(case when is_sla_breached then 1 else 0 end) as overdue_count
    from {{ ref('fct_tickets') }}
    where is_open
    group by market, severity

)

select
    coalesce(backlog.market, open_tickets.market) as market,
    coalesce(backlog.severity, open_tickets.severity) as severity,
    backlog.closing,
    open_tickets.open_count,
    backlog.overdue,
    open_tickets.overdue_count
from backlog
full outer join open_tickets on backlog.market = open_tickets.market and backlog.severity = open_tickets.severity
where
    coalesce(backlog.closing, 0) <> coalesce(open_tickets.open_count, 0)
    or coalesce(backlog.overdue, 0) <> coalesce(open_tickets.overdue_count, 0)
