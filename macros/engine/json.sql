{# DuckDB: unknown keys are ignored, and a line that is no JSON gives NULL. `json` fields keep the JSON text, quotes and all. #}
{% macro parse_json_line(line, text_fields, json_fields=[]) %}
    {{- return(adapter.dispatch('parse_json_line')(line, text_fields, json_fields)) -}}
{% endmacro %}

{% macro duckdb__parse_json_line(line, text_fields, json_fields) -%}
    try(from_json({{ line }}, '{
        {%- for field in text_fields %}"{{ field }}": "VARCHAR", {% endfor -%}
        {%- for field in json_fields %}"{{ field }}": "JSON"{{ ', ' if not loop.last }}{% endfor -%}
    }'))
{%- endmacro %}


{# DuckDB's parser takes NaN, Infinity and trailing commas, which RFC 8259 does not: the few lines in which one may stand are looked at again without their strings. #}
{% macro is_strict_json_object(line) %}
    {{- return(adapter.dispatch('is_strict_json_object')(line)) -}}
{% endmacro %}

{% macro duckdb__is_strict_json_object(line) -%}
    starts_with(ltrim({{ line }}, E' \t\r'), '{')
    and not (
        (
            contains(lower({{ line }}), 'nan')
            or contains(lower({{ line }}), 'inf')
            or regexp_matches({{ line }}, ',[ \t\r]*[}\]]')
        )
        and regexp_matches(
            regexp_replace({{ line }}, '"(?:[^"\\]|\\.)*"', '""', 'g'),
            '(?i:nan|inf)|,[ \t\r]*[}\]]'
        )
    )
{%- endmacro %}


{# The text of a JSON string, without its quotes and escapes. #}
{% macro json_string(json) %}{{ return(adapter.dispatch('json_string')(json)) }}{% endmacro %}
{% macro duckdb__json_string(json) -%} json_extract_string({{ json }}, '$') {%- endmacro %}
