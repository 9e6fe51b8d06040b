{# The seeds, and their columns, that a model's stored rows are computed with: those of tickets in the first place, since staging then reads everything again. #}
{% macro reference_data_columns() %}
    {{ return({
        'stg_ticket_updates__lines': {
            'ticket_statuses': ['status', 'phase', 'is_open', 'clock_runs'],
            'markets': ['market', 'market_name', 'calendar'],
            'calendars': ['calendar', 'timezone'],
            'business_hours': ['calendar', 'iso_weekday', 'opens_at', 'closes_at'],
            'holidays': ['calendar', 'holiday', 'holiday_name'],
            'sla_policies': [
                'policy', 'source', 'market', 'category', 'severity', 'metric', 'target_minutes', 'hours', 'valid_from', 'valid_to',
            ],
        },
        'stg_service_records__lines': {'currencies': ['currency']},
        'call_kpis_daily': {'agents': ['agent_id', 'region']},
        'failures_monthly': {'failure_codes': ['failure_code', 'failure_name']},
        'part_usage_monthly': {'parts': ['part_code', 'part_name']},
    }.get(model.name, {})) }}
{% endmacro %}


{# Stands in every model that has such seeds: dbt builds them before it, and a pull request is told that it follows them (scripts/changes.py). #}
{% macro follows_reference_data() -%}
    {%- for seed in reference_data_columns() %}
-- depends_on: {{ ref(seed) }}
    {%- endfor %}
{%- endmacro %}


{# An md5 of what those seeds say. When it changes, the model computes everything again, and after staging so does all that builds on it. #}
{% macro reference_data_fingerprint() -%}
    (
        select {{ md5_hex(joined_text('digest', "'|'")) }}
        from (
            {% for seed, columns in reference_data_columns().items() -%}
            select '{{ seed }}:' || coalesce({{ joined_text('row_text', "';'") }}, '') as digest
            from (
                select
                    {% for column in columns -%}
                    coalesce(cast({{ column }} as varchar), '') {{- " || ',' || " if not loop.last }}
                    {% endfor -%}
                    as row_text
                from {{ ref(seed) }}
            ) as seed_rows
            {{ 'union all' if not loop.last }}
            {% endfor %}
        ) as digests
    )
{%- endmacro %}


{% macro reference_data_has_changed() %}
    {% if not reference_data_columns() %}{{ return(false) }}{% endif %}
    {% set found = looked_up(
        "select count(*) from " ~ load_watermarks() ~ " where model = '" ~ this.identifier ~ "' and load_id = " ~ last_load()
        ~ " and feed = '" ~ own_feeds()[0] ~ "' and reference_data = " ~ reference_data_fingerprint()
    ) %}
    {{ return(found[0] == 0) }}
{% endmacro %}


{# Whether staging has read everything again, with other seeds, since a load. #}
{% macro reference_data_changed_since(load) %}
    {% set found = run_query(
        "select count(distinct reference_data) from " ~ load_watermarks() ~ " where model = '" ~ staged_lines(own_feeds()[0]) ~ "' and load_id >= " ~ load
    ) %}
    {{ return(found.columns[0].values()[0] > 1) }}
{% endmacro %}
