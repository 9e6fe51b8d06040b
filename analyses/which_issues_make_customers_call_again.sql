-- Which issues make customers call again within seven days, and how often do they although the call was noted as resolved?
-- Calls of the last seven days are left out: their time is not up.
with

calls as (

    select
        coalesce(issue_type, '(none)') as issue_type,
        coalesce(resolution = 'resolved', false) as is_resolved,
        end_time,
        lead(start_time) over (partition by customer_id order by start_time, call_id) as next_call_at
    from {{ ref('fct_calls') }}

),

followed as (

    select
        calls.issue_type,
        calls.is_resolved,
        case when calls.next_call_at <= calls.end_time + interval '7' day then 1e0 else 0e0 end as called_again
    from calls
    cross join {{ ref('int_as_of') }} as now
    where calls.end_time <= now.as_of - interval '7' day

)

select
    issue_type,
    count(*) as calls,
    avg(called_again) as called_again_share,
    count(*) filter (where is_resolved) as resolved_calls,
    avg(called_again) filter (where is_resolved) as resolved_called_again_share
from followed
group by issue_type
order by called_again_share desc, calls desc, issue_type asc
