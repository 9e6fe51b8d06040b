-- Which parts are used more than before? In the last whole month before as_of, those above the mean of the three months before.
-- `trend` is how many times that mean it is, the steepest first.
select
    parts.month,
    parts.part_code,
    parts.part_name,
    parts.quantity,
    parts.quantity_previous_month,
    parts.trend
from {{ ref('part_usage_monthly') }} as parts
cross join {{ ref('int_as_of') }} as now
where
    parts.month = cast(date_trunc('month', now.as_of) - interval '1' month as date)
    and parts.trend > 1
order by parts.trend desc, parts.part_code asc
