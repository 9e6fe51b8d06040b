-- Daily ticket volume: tickets opened on each UTC day, the latest first, beside the mean of the seven days up to it.
-- The first row is the day of as_of, which may not be over.
select
    day,
    created,
    avg(cast(created as double)) over (order by day rows between 6 preceding and current row) as created_avg_7_days
from {{ ref('ops_metrics_daily') }}
order by day desc
