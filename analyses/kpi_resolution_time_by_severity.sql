-- Resolution time by severity: of the resolved tickets of each, the mean, the median, and what nine of ten do not exceed, in hours.
select
    severity,
    count(*) as resolved,
    avg(resolution_hours) as resolution_hours_avg,
    {{ nearest_rank('resolution_hours', 0.5) }} as resolution_hours_median,
    {{ nearest_rank('resolution_hours', 0.9) }} as resolution_hours_p90,
    {{ nearest_rank('resolution_business_hours', 0.5) }} as resolution_business_hours_median
from {{ ref('fct_tickets') }}
where resolved_at is not null
group by severity
order by severity
