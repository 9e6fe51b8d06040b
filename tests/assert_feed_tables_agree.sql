-- Logs, calls and service records that a table counts otherwise than the table of their rows: a total for each.
with

totals as (

    select
        'logs' as counted,
        (select count(*) from {{ ref('fct_support_logs') }}) as rows_of_fact,
        (
            select coalesce(sum(accepted), 0)
            from {{ ref('ingestion_state') }}
            where feed = 'support_logs'
        ) as accepted,
        (select coalesce(sum(logs), 0) from {{ ref('log_health_daily') }}) as by_day,
        (select coalesce(sum(log_count), 0) from {{ ref('ticket_log_health') }}) as by_what

    union all

    select
        'calls' as counted,
        (select count(*) from {{ ref('fct_calls') }}) as rows_of_fact,
        (
            select coalesce(sum(accepted), 0)
            from {{ ref('ingestion_state') }}
            where feed = 'calls'
        ) as accepted,
        (select coalesce(sum(calls), 0) from {{ ref('call_kpis_daily') }}) as by_day,
        (select coalesce(sum(calls), 0) from {{ ref('agent_call_ranking') }}) as by_what

    union all

    select
        'service records' as counted,
        (select count(*) from {{ ref('fct_service_records') }}) as rows_of_fact,
        (
            select coalesce(sum(accepted), 0)
            from {{ ref('ingestion_state') }}
            where feed = 'service_records'
        ) as accepted,
        (select coalesce(sum(records), 0) from {{ ref('service_costs_monthly') }}) as by_day,
        (select coalesce(sum(services), 0) from {{ ref('vehicle_service_history') }}) as by_what

    union all

    -- A record has a part once or more, so months count records of it.
    select
        'parts' as counted,
        (select count(*) from {{ ref('fct_service_parts') }}) as rows_of_fact,
        (select coalesce(sum(parts_count), 0) from {{ ref('fct_service_records') }}) as accepted,
        (select count(distinct service_record_id || ' ' || part_code) from {{ ref('fct_service_parts') }}) as by_day,
        (select coalesce(sum(records), 0) from {{ ref('part_usage_monthly') }}) as by_what

    union all

    select
        'failures' as counted,
        (select count(*) from {{ ref('fct_service_failures') }}) as rows_of_fact,
        (select coalesce(sum(failure_count), 0) from {{ ref('fct_service_records') }}) as accepted,
        (select coalesce(sum(records), 0) from {{ ref('failures_monthly') }}) as by_day,
        (select coalesce(sum(records), 0) from {{ ref('failures_monthly') }}) as by_what

)

select *
from totals
where rows_of_fact <> accepted or by_day <> by_what or (counted <> 'parts' and rows_of_fact <> by_day)
