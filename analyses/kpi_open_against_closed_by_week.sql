-- Open against closed by week, Monday to Sunday: tickets that came in, were resolved, came back, and are open at the week's end.
-- The first row is the week of as_of, which may not be over.
select
    dates.week_start,
    sum(metrics.created) as opened,
    sum(metrics.resolved) as closed,
    sum(metrics.reopened) as reopened,
    max_by(metrics.backlog, metrics.day) as open_at_end
from {{ ref('ops_metrics_daily') }} as metrics
inner join {{ ref('dim_dates') }} as dates on metrics.day = dates.day
group by dates.week_start
order by dates.week_start desc
