{# Whether the engine knows a time zone by exactly this name of the IANA database. #}
{% macro is_time_zone(name) %}{{ return(adapter.dispatch('is_time_zone')(name)) }}{% endmacro %}
{% macro duckdb__is_time_zone(name) -%} {{ name }} in (select zones.name from pg_timezone_names() as zones) {%- endmacro %}
