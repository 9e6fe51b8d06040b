-- What is counted by day or month is set off against the facts of that day or month, what is counted by entity against all accepted lines.
{% set by_date = [
    ('support_logs', 'fct_support_logs', 'logged_at', 'count(*)', 'log_health_daily', 'day', 'day', 'logs'),
    ('calls', 'fct_calls', 'start_time', 'count(*)', 'call_kpis_daily', 'day', 'call_date', 'calls'),
    ('service_records', 'fct_service_records', 'serviced_at', 'count(*)', 'service_costs_monthly', 'month', 'month', 'records'),
    (
        'service_records', 'fct_service_parts', 'serviced_at', "count(distinct service_record_id || ' ' || part_code)",
        'part_usage_monthly', 'month', 'month', 'records',
    ),
    ('service_records', 'fct_service_failures', 'serviced_at', 'count(*)', 'failures_monthly', 'month', 'month', 'records'),
] %}
{% set by_entity = [
    ('support_logs', 'ticket_log_health', 'log_count'),
    ('calls', 'agent_call_ranking', 'calls'),
    ('service_records', 'vehicle_service_history', 'services'),
] %}

with

set_off as (

    {% for feed, fact, moment, counted, table, grain, date, counts in by_date -%}
    select
        '{{ table }}' as compared,
        cast(date_trunc('{{ grain }}', {{ moment }}) as date) as first_day,
        {{ counted }} as records
    from {{ ref(fact) }}
    where {{ is_untested_date(moment, feed, moment, grain) }}
    group by cast(date_trunc('{{ grain }}', {{ moment }}) as date)

    union all

    select
        '{{ table }}' as compared,
        {{ date }} as first_day,
        -sum({{ counts }}) as records
    from {{ ref(table) }}
    where {{ is_untested_date(date, feed, moment, grain) }}
    group by {{ date }}

    union all
    {% endfor %}
    {% for feed, table, counts in by_entity -%}
    select
        '{{ table }}' as compared,
        null as first_day,
        coalesce(sum(accepted), 0) as records
    from {{ ref('ingestion_state') }}
    where feed = '{{ feed }}'

    union all

    select
        '{{ table }}' as compared,
        null as first_day,
        -coalesce(sum({{ counts }}), 0) as records
    from {{ ref(table) }}

    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    compared,
    first_day,
    sum(records) as records
from set_off
group by compared, first_day
having sum(records) <> 0
