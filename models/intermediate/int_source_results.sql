{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_tickets', 'opened_at': 'created_at'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('created_at') %}

{% set months = changed_months() %}
{% set results = source_results() %}
{% set last_stated = [] %}
{% set in_order = ['updated_at', 'sequence', 'update_id'] %}
{% for field in results.values() %}{% do last_stated.append(latest_value(field, in_order) ~ ' as ' ~ field) %}{% endfor %}

with

stated as (

    select
        ticket_key,
        {{ last_stated | join(',\n        ') }}
    from {{ ref('int_ticket_updates') }}
    where
        coalesce(
            {% for field in results.values() -%}
            cast({{ field }} as double) {{- ',' if not loop.last }}
            {% endfor %}
        ) is not null
        and {{ is_changed_ticket('ticket_key') }}
        and {{ in_months('created_at', months) }}
    group by ticket_key

),

by_metric as (

    select
        stated.ticket_key,
        metrics.metric,
        ticket_results.source,
        ticket_results.created_at,
        case metrics.metric
            {% for metric, field in results.items() -%}
            when '{{ metric }}' then cast(stated.{{ field }} as double)
            {% endfor %}
        end as source_value,
        case metrics.metric
            {% for metric in results -%}
            when '{{ metric }}' then cast(ticket_results.{{ metric }} as double)
            {% endfor %}
        end as lake_value
    from stated
    inner join {{ ref('int_ticket_results') }} as ticket_results on stated.ticket_key = ticket_results.ticket_key
    cross join (
        values
        ('{{ results | join("'),\n        ('") }}')
    ) as metrics (metric)
    where {{ in_months('ticket_results.created_at', months) }}

)

select
    ticket_key,
    metric,
    source,
    created_at,
    source_value,
    lake_value,
    lake_value - source_value as difference,
    -- Sources state whole minutes, rounded or cut; verdicts and counts agree if they are equal.
    abs(lake_value - source_value) <= case when metric like '%_minutes' then 1 else 0 end as is_agreed
from by_metric
where source_value is not null
