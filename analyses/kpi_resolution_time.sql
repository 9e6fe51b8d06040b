-- Average and median resolution time, from creation to the last resolution: by the month of resolution, the latest first.
-- The first row, without a month, is of all resolved tickets: a median of months would not be theirs.
with

resolved as (

    select
        cast(date_trunc('month', resolved_at) as date) as month,
        resolution_hours,
        resolution_business_hours
    from {{ ref('fct_tickets') }}
    where resolved_at is not null

)

select
    month,
    count(*) as resolved,
    avg(resolution_hours) as resolution_hours_avg,
    {{ nearest_rank('resolution_hours', 0.5) }} as resolution_hours_median,
    avg(resolution_business_hours) as resolution_business_hours_avg,
    {{ nearest_rank('resolution_business_hours', 0.5) }} as resolution_business_hours_median
from resolved
group by rollup(month)
order by month desc nulls first
