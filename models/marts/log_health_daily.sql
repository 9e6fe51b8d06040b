{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={
            'feeds': ['support_logs'],
            'replaces': 'changed_dates',
            'dates': {'moment': 'logged_at', 'grain': 'day', 'column': 'day'},
        },
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('day') %}

select
    cast(logged_at as date) as day,
    coalesce(component, '(none)') as component,
    cast(count(*) as integer) as logs,
    cast(count(*) filter (where log_level = 'ERROR') as integer) as errors,
    avg(case when log_level = 'ERROR' then 1e0 else 0e0 end) as error_rate,
    {{ nearest_rank('response_time_ms', 0.5) }} as response_time_ms_p50,
    {{ nearest_rank('response_time_ms', 0.95) }} as response_time_ms_p95,
    avg(cpu_percent) as cpu_percent_avg,
    cast(count(distinct ticket_key) as integer) as tickets,
    cast(count(distinct case when log_level = 'ERROR' then ticket_key end) as integer) as tickets_with_errors
from {{ ref('fct_support_logs') }}
where {{ in_changed_dates('logged_at') }}
group by cast(logged_at as date), coalesce(component, '(none)')
