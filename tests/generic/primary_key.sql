{# No row without a key, no key twice: in one scan, of one column (`column_name`) or of several. #}
{% test primary_key(model, column_name=none, columns=none) %}
    {%- set columns = columns or [column_name] -%}
    {%- if not columns[0] -%}
        {{ exceptions.raise_compiler_error("primary_key on " ~ model.identifier ~ " needs `columns`, or to stand below a column") }}
    {%- endif -%}
    select
        {{ columns | join(', ') }},
        count(*) as row_count
    from {{ model }}
    group by {{ columns | join(', ') }}
    having count(*) > 1
        {%- for column in columns %}
        or {{ column }} is null
        {%- endfor %}
{% endtest %}
