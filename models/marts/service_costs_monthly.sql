{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={
            'feeds': ['service_records'],
            'replaces': 'changed_dates',
            'dates': {'moment': 'serviced_at', 'grain': 'month', 'column': 'month'},
        },
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('month') %}

select
    cast(date_trunc('month', serviced_at) as date) as month,
    dealership_id,
    service_type,
    coalesce(currency, '(none)') as currency,
    cast(count(*) as integer) as records,
    sum(parts_cost) as parts_cost,
    coalesce(sum(labor_cost), 0) as labor_cost,
    avg(total_cost) as total_cost_avg,
    {{ nearest_rank('total_cost', 0.5) }} as total_cost_median,
    {{ nearest_rank('total_cost', 0.9) }} as total_cost_p90
from {{ ref('fct_service_records') }}
where {{ in_changed_dates('serviced_at') }}
group by cast(date_trunc('month', serviced_at) as date), dealership_id, service_type, coalesce(currency, '(none)')
