{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={
            'feeds': ['service_records'],
            'replaces': 'changed_dates',
            'dates': {'moment': 'serviced_at', 'grain': 'month', 'column': 'month', 'months_after': 3},
        },
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('month') %}
{{- follows_reference_data() }}

with

by_currency as (

    select
        cast(date_trunc('month', serviced_at) as date) as month,
        part_code,
        currency,
        count(distinct service_record_id) as records,
        sum(quantity) as quantity,
        sum(cost) as cost
    from {{ ref('fct_service_parts') }}
    where {{ since_changed_dates('serviced_at', days_before=92) }}
    group by cast(date_trunc('month', serviced_at) as date), part_code, currency

),

-- A record has one currency at most.
by_month as (

    select
        month,
        extract(year from month) * 12 + extract(month from month) as month_no,
        part_code,
        sum(records) as records,
        sum(quantity) as quantity,
        {{ map_of('case when cost is not null then currency end', 'cost') }} as cost_by_currency
    from by_currency
    group by month, part_code

),

compared as (

    select
        *,
        sum(quantity) over (partition by part_code order by month_no range between 1 preceding and 1 preceding) as previous_month,
        sum(quantity) over (partition by part_code order by month_no range between 3 preceding and 1 preceding) as three_months
    from by_month

)

select
    compared.month,
    compared.part_code,
    catalogue.part_name,
    cast(compared.records as integer) as records,
    compared.quantity,
    compared.cost_by_currency,
    coalesce(compared.previous_month, 0) as quantity_previous_month,
    compared.quantity / nullif(compared.three_months / 3, 0) as trend
from compared
left join {{ ref('parts') }} as catalogue on compared.part_code = catalogue.part_code
where {{ in_changed_dates('compared.month') }}
