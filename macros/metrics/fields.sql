{% macro absent_if_blank(text) -%} case when {{ is_blank(text) }} then null else {{ text }} end {%- endmacro %}

{# For JSON text: null and blank strings are absent. #}
{% macro absent_if_blank_json(json) -%}
    case
        when {{ json }} = 'null' then null
        when starts_with({{ json }}, '"') then case when {{ is_blank(json_string(json)) }} then null else {{ json }} end
        else {{ json }}
    end
{%- endmacro %}


{# ISO 8601 with seconds and a zone, a real date and time of day, offset at most 14:00; else null. In UTC. #}
{% macro strict_timestamp(text) -%}
    case
        when {{ matches(text, '^' ~ timestamp_pattern() ~ '\\z') }}
            then {{ utc_from_iso(text) }}
    end
{%- endmacro %}

{# The years 1 to 9999. #}
{% macro is_supported_moment(moment) -%}
    {{ moment }} between cast('0001-01-01 00:00:00' as timestamp(6)) and cast('9999-12-31 23:59:59.999999' as timestamp(6))
{%- endmacro %}


{# A JSON number without fraction or exponent that fits 64 bits; else null. #}
{% macro strict_integer(json) -%}
    case when {{ matches(json, '^-?\\d+\\z') }} then try_cast({{ json }} as bigint) end
{%- endmacro %}


{# A JSON number that a double can hold; else null. Of JSON nothing else begins with a digit or a minus. #}
{% macro strict_number(json) -%}
    case
        when
            {{ json }} >= '-' and {{ json }} < ':'
            and abs(try_cast({{ json }} as double)) <= 1.7976931348623157e308
            then try_cast({{ json }} as double)
    end
{%- endmacro %}


{% macro strict_boolean(json) -%} case {{ json }} when 'true' then true when 'false' then false end {%- endmacro %}


{# The system that a ticket lives in, and its key there, of a line that names a ticket. #}
{% macro ticket_source() -%} coalesce(source, 'helpdesk') {%- endmacro %}
{% macro ticket_key() -%} ({{ ticket_source() }} || ':' || ticket_id) {%- endmacro %}


{# The code that JSON text stands for: a string, or the digits of an integer; null for a blank one. #}
{% macro code_of(json) -%}
    case
        when {{ absent_if_blank_json(json) }} is null then null
        when starts_with({{ json }}, '"') then {{ json_string(json) }}
        else {{ json }}
    end
{%- endmacro %}
