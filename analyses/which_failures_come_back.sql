-- Which failures come back? Of all records of a failure, those of a vehicle that had had it within the 90 days before.
-- The one that came back most often is first.
select
    failure_code,
    max(failure_name) as failure_name,
    sum(records) as records,
    cast(round(sum(records * repeat_share)) as integer) as repeats,
    sum(records * repeat_share) / sum(records) as repeat_share,
    sum(records * warranty_share) / sum(records) as warranty_share
from {{ ref('failures_monthly') }}
group by failure_code
order by repeats desc, records desc, failure_code asc
