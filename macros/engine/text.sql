{% macro md5_hex(text) %}{{ return(adapter.dispatch('md5_hex')(text)) }}{% endmacro %}
{% macro duckdb__md5_hex(text) -%} md5({{ text }}) {%- endmacro %}
{% macro athena__md5_hex(text) -%} lower(to_hex(md5(to_utf8({{ text }})))) {%- endmacro %}


{# A 64-bit hash, for comparing texts with no need to keep them. #}
{% macro text_hash(text) %}{{ return(adapter.dispatch('text_hash')(text)) }}{% endmacro %}
{% macro duckdb__text_hash(text) -%} hash({{ text }}) {%- endmacro %}
{% macro athena__text_hash(text) -%} from_big_endian_64(xxhash64(to_utf8({{ text }}))) {%- endmacro %}


{# End a pattern with \z: before a last line feed $ would do for Athena, too. #}
{% macro matches(text, pattern) %}{{ return(adapter.dispatch('matches')(text, pattern)) }}{% endmacro %}
{% macro duckdb__matches(text, pattern) -%} regexp_matches({{ text }}, '{{ pattern }}') {%- endmacro %}
{% macro athena__matches(text, pattern) -%} regexp_like({{ text }}, '{{ pattern }}') {%- endmacro %}


{# Blank is ASCII white space only. A blank string sorts before '!', which spares most strings the trim. #}
{% macro is_blank(text) %}{{ return(adapter.dispatch('is_blank')(text)) }}{% endmacro %}
{# DuckDB computes both sides of an `and` for every row, but the branches of a `case` only for the rows that get there. #}
{% macro duckdb__is_blank(text) -%}
    (case when {{ text }} >= '!' then false else trim({{ text }}, E' \t\n\x0b\x0c\r') = '' end)
{%- endmacro %}
{% macro athena__is_blank(text) -%} not regexp_like({{ text }}, '[^ \t\n\x0B\f\r]') {%- endmacro %}


{# All values, sorted, in one text. #}
{% macro joined_text(text, separator) %}{{ return(adapter.dispatch('joined_text')(text, separator)) }}{% endmacro %}
{% macro duckdb__joined_text(text, separator) -%} string_agg({{ text }}, {{ separator }} order by {{ text }}) {%- endmacro %}
{% macro athena__joined_text(text, separator) -%}
    array_join(array_agg({{ text }} order by {{ text }}) filter (where {{ text }} is not null), {{ separator }})
{%- endmacro %}


{# Ends the statement with this message. #}
{% macro raise_error(message) %}{{ return(adapter.dispatch('raise_error')(message)) }}{% endmacro %}
{% macro duckdb__raise_error(message) -%} error({{ message }}) {%- endmacro %}
{% macro athena__raise_error(message) -%} fail({{ message }}) {%- endmacro %}
