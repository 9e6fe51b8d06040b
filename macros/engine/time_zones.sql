{# Whether the engine knows a time zone by exactly this name of the IANA database. #}
{% macro is_time_zone(name) %}{{ return(adapter.dispatch('is_time_zone')(name)) }}{% endmacro %}
{% macro duckdb__is_time_zone(name) -%} {{ name }} in (select zones.name from pg_timezone_names() as zones) {%- endmacro %}
{# Trino takes names in any case, and distances from UTC, but shows a zone by its own name. #}
{% macro athena__is_time_zone(name) -%}
    {%- set zone = "case when regexp_like(" ~ name ~ ", '^[A-Z]') then " ~ name ~ " end" -%}
    coalesce(cast(try(at_timezone(timestamp '2026-01-01 00:00:00 UTC', {{ zone }})) as varchar) like '% ' || {{ name }}, false)
{%- endmacro %}
