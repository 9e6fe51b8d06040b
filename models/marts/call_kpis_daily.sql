{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={
            'feeds': ['calls'],
            'replaces': 'changed_dates',
            'dates': {'moment': 'start_time', 'grain': 'day', 'column': 'call_date'},
        },
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('call_date') %}
{{- follows_reference_data() }}

select
    call_date,
    coalesce(region, '(none)') as region,
    coalesce(issue_type, '(none)') as issue_type,
    cast(count(*) as integer) as calls,
    sum(cast(call_duration_minutes as double)) as minutes,
    avg(cast(call_duration_minutes as double)) as minutes_avg,
    cast({{ nearest_rank('call_duration_minutes', 0.5) }} as double) as minutes_median,
    cast({{ nearest_rank('call_duration_minutes', 0.9) }} as double) as minutes_p90,
    avg(case when resolution = 'resolved' then 1e0 else 0e0 end) as resolved_share,
    avg(case when resolution = 'escalated' then 1e0 else 0e0 end) as escalated_share,
    avg(rating) as rating_avg,
    cast(count(rating) as integer) as rated_calls,
    cast(count(distinct customer_id) as integer) as customers
from {{ ref('fct_calls') }}
where {{ in_changed_dates('start_time') }}
group by call_date, coalesce(region, '(none)'), coalesce(issue_type, '(none)')
