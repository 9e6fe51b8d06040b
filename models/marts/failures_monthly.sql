{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={
            'feeds': ['service_records'],
            'replaces': 'changed_dates',
            'dates': {'moment': 'serviced_at', 'grain': 'month', 'column': 'month', 'months_after': 4},
        },
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('month') %}
{{- follows_reference_data() }}

with

failures as (

    select
        service_record_id,
        vehicle_id,
        vehicle_model,
        failure_code,
        serviced_at,
        is_warranty
    from {{ ref('fct_service_failures') }}
    where {{ since_changed_dates('serviced_at', days_before=90) }}

),

moments as (

    select
        vehicle_id,
        failure_code,
        serviced_at,
        lag(serviced_at) over (partition by vehicle_id, failure_code order by serviced_at) as failed_before_at
    from failures
    group by vehicle_id, failure_code, serviced_at

)

select
    cast(date_trunc('month', failures.serviced_at) as date) as month,
    coalesce(failures.vehicle_model, '(none)') as vehicle_model,
    failures.failure_code,
    max(catalogue.failure_name) as failure_name,
    cast(count(*) as integer) as records,
    cast(count(distinct failures.vehicle_id) as integer) as vehicles,
    avg(case when failures.is_warranty then 1e0 else 0e0 end) as warranty_share,
    avg(
        case
            when {{ micros_between('moments.failed_before_at', 'failures.serviced_at') }} <= {{ 90 * 86400 * 1000000 }} then 1e0
            else 0e0
        end
    ) as repeat_share
from failures
inner join moments
    on
        failures.vehicle_id = moments.vehicle_id
        and failures.failure_code = moments.failure_code
        and failures.serviced_at = moments.serviced_at
left join {{ ref('failure_codes') }} as catalogue on failures.failure_code = catalogue.failure_code
where {{ in_changed_dates('failures.serviced_at') }}
group by cast(date_trunc('month', failures.serviced_at) as date), coalesce(failures.vehicle_model, '(none)'), failures.failure_code
