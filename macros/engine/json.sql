{# A JSON object as a struct of its fields, unknown ones left out; text fields hold the string, or the digits of a number, json fields the JSON text, quotes and all. Null, or all fields null, for what is no JSON. #}
{% macro parse_json_object(line, text_fields, json_fields) %}
    {{- return(adapter.dispatch('parse_json_object')(line, text_fields, json_fields)) -}}
{% endmacro %}

{# try() would do as well as json_valid(), but goes row by row as soon as one line of a few thousand is broken. #}
{% macro duckdb__parse_json_object(line, text_fields, json_fields) -%}
    case
        when json_valid({{ line }}) then from_json({{ line }}, '{{ duckdb__json_structure(text_fields, json_fields) }}')
    end
{%- endmacro %}

{# How from_json() is told of an object's fields. #}
{% macro duckdb__json_structure(text_fields, json_fields) -%}
    {
        {%- for field in text_fields + json_fields -%}
        "{{ field }}": "{{ 'JSON' if field in json_fields else 'VARCHAR' }}" {{- ', ' if not loop.last }}
        {%- endfor -%}
    }
{%- endmacro %}

{#
    A cast to a row would take a name in capitals for the same name, and an object where a text is due for a fault of the whole line. So the line becomes
    a map first; the lambda gives it a name, or it would be parsed anew for each field. What is no object becomes a row of nulls: a null for the row
    stops Trino where it evaluates constants, as in unit tests.
#}
{% macro athena__parse_json_object(line, text_fields, json_fields) -%}
    element_at(transform(
        array[try(cast(json_parse({{ line }}) as map(varchar, json)))],
        object -> cast(row(
            {%- for field in text_fields %}
            {%- set value = "element_at(object, '" ~ field ~ "')" %}
            case
                when json_format({{ value }}) = 'null' then null
                when starts_with(json_format({{ value }}), '"') then json_extract_scalar({{ value }}, '$')
                else json_format({{ value }})
            end {{- ', ' if not loop.last or json_fields }}
            {%- endfor %}
            {%- for field in json_fields %}
            element_at(object, '{{ field }}') {{- ', ' if not loop.last }}
            {%- endfor %}
        ) as row(
            {%- for field in text_fields + json_fields -%}
            {{ field }} {{ 'json' if field in json_fields else 'varchar' }} {{- ', ' if not loop.last }}
            {%- endfor -%}
        ))
    ), 1)
{%- endmacro %}


{# Whether what the parser took is an object by RFC 8259. #}
{% macro is_strict_json_object(line) %}
    {{- return(adapter.dispatch('is_strict_json_object')(line)) -}}
{% endmacro %}

{#
    DuckDB's parser takes NaN and Infinity in any case, and trailing commas. The few lines in which one may stand are looked at again, without their
    strings. One search for each, since a search that begins with a letter is several times as fast as one for either.
#}
{% macro duckdb__is_strict_json_object(line) -%}
    case
        when case when starts_with({{ line }}, '{') then false else not starts_with(ltrim({{ line }}, E' \t\r'), '{') end then false
        when not (
            regexp_matches({{ line }}, '(?i)nan[ \t\r]*[,}\]]')
            or regexp_matches({{ line }}, '(?i)inf(?:inity)?[ \t\r]*[,}\]]')
            or regexp_matches({{ line }}, ',[ \t\r]*[}\]]')
        ) then true
        else not regexp_matches(regexp_replace({{ line }}, '"(?:[^"\\]|\\.)*"', '""', 'g'), '(?i:nan|inf)|,[ \t\r]*[}\]]')
    end
{%- endmacro %}


{# Trino's parser is strict. #}
{% macro athena__is_strict_json_object(line) -%} try(cast(json_parse({{ line }}) as map(varchar, json))) is not null {%- endmacro %}


{# The text of a JSON string, without its quotes and escapes. #}
{% macro json_string(json) %}{{ return(adapter.dispatch('json_string')(json)) }}{% endmacro %}
{% macro duckdb__json_string(json) -%} json_extract_string({{ json }}, '$') {%- endmacro %}
{% macro athena__json_string(json) -%} json_extract_scalar({{ json }}, '$') {%- endmacro %}


{# A field that was parsed as JSON, as its text. DuckDB would parse it again wherever it is compared or cast, if it did not know it for a text. #}
{% macro json_text(json) %}{{ return(adapter.dispatch('json_text')(json)) }}{% endmacro %}
{% macro duckdb__json_text(json) -%} cast({{ json }} as varchar) {%- endmacro %}
{% macro athena__json_text(json) -%} json_format({{ json }}) {%- endmacro %}


{#
    A JSON array of objects as an array of structs, each field the JSON text that stands there, text fields as `parse_json_object` has them; null for what is no
    array. What is no object in it has nulls only.
#}
{% macro parse_json_objects(json, text_fields, json_fields) %}
    {{- return(adapter.dispatch('parse_json_objects')(json, text_fields, json_fields)) -}}
{% endmacro %}
{% macro duckdb__parse_json_objects(json, text_fields, json_fields) -%}
    from_json({{ json }}, '[{{ duckdb__json_structure(text_fields, json_fields) }}]')
{%- endmacro %}
{% macro athena__parse_json_objects(json, text_fields, json_fields) -%}
    transform(
        try(cast(json_parse({{ json }}) as array(json))),
        element -> {{ athena__parse_json_object('json_format(element)', text_fields, json_fields) }}
    )
{%- endmacro %}


{# A JSON array as an array of the JSON texts of its elements; null for what is no array. #}
{% macro parse_json_array(json) %}{{ return(adapter.dispatch('parse_json_array')(json)) }}{% endmacro %}
{% macro duckdb__parse_json_array(json) -%} cast(from_json({{ json }}, '["JSON"]') as varchar[]) {%- endmacro %}
{% macro athena__parse_json_array(json) -%}
    transform(try(cast(json_parse({{ json }}) as array(json))), element -> json_format(element))
{%- endmacro %}
