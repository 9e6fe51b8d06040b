{#
    Rows for which a condition that should hold does not, each with the condition's name: one scan, however many
    conditions. A condition that is null counts as held, as in SQL's own checks.
#}
{% test holds(model, conditions) %}
    {%- if not conditions is mapping or not conditions -%}
        {{ exceptions.raise_compiler_error("holds on " ~ model.identifier ~ " needs a mapping of names to conditions") }}
    {%- endif -%}
    select *
    from (
        select
            *,
            case
                {% for name, condition in conditions.items() -%}
                when not ({{ condition }}) then '{{ name }}'
                {% endfor %}
            end as broken_condition
        from {{ model }}
    ) as checked
    where broken_condition is not null
{% endtest %}
