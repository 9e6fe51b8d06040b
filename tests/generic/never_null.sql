{# Rows in which one of several columns is null: one scan, however many columns. #}
{% test never_null(model, columns) %}
    {%- if not columns -%}
        {{ exceptions.raise_compiler_error("never_null on " ~ model.identifier ~ " needs a list of columns") }}
    {%- endif -%}
    select
        {{ columns | join(', ') }}
    from {{ model }}
    where
        {% for column in columns -%}
        {{ 'or ' if not loop.first }}{{ column }} is null
        {% endfor %}
{% endtest %}
