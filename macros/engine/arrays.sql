{# Functions of the elements of an array; `element` is the name that they have in the expression. All are null for a null array. #}


{# Each element's value of an expression. #}
{% macro each_element(array, element, expression) %}{{ return(adapter.dispatch('each_element')(array, element, expression)) }}{% endmacro %}
{% macro duckdb__each_element(array, element, expression) -%} [{{ expression }} for {{ element }} in {{ array }}] {%- endmacro %}
{% macro athena__each_element(array, element, expression) -%} transform({{ array }}, {{ element }} -> {{ expression }}) {%- endmacro %}


{# Whether a condition, which must not be null, holds for one of them at least. #}
{% macro any_element(array, element, condition) %}{{ return(adapter.dispatch('any_element')(array, element, condition)) }}{% endmacro %}
{% macro duckdb__any_element(array, element, condition) -%} len([1 for {{ element }} in {{ array }} if {{ condition }}]) > 0 {%- endmacro %}
{% macro athena__any_element(array, element, condition) -%} any_match({{ array }}, {{ element }} -> {{ condition }}) {%- endmacro %}


{# The sum of an expression, as a double; elements for which it is null do not count. #}
{% macro sum_of_elements(array, element, expression) %}{{ return(adapter.dispatch('sum_of_elements')(array, element, expression)) }}{% endmacro %}
{% macro duckdb__sum_of_elements(array, element, expression) -%}
    case when {{ array }} is not null then coalesce(list_sum([{{ expression }} for {{ element }} in {{ array }}]), 0e0) end
{%- endmacro %}
{% macro athena__sum_of_elements(array, element, expression) -%}
    reduce({{ array }}, 0e0, (total, {{ element }}) -> total + coalesce({{ expression }}, 0e0), total -> total)
{%- endmacro %}


{# A struct of expressions, by field, each of its type. #}
{% macro struct_of(values, types) %}{{ return(adapter.dispatch('struct_of')(values, types)) }}{% endmacro %}
{% macro duckdb__struct_of(values, types) -%}
    { {%- for field, value in values.items() %}'{{ field }}': cast({{ value }} as {{ types[field] }}){{ ', ' if not loop.last }}{% endfor -%} }
{%- endmacro %}
{% macro athena__struct_of(values, types) -%}
    cast(row({{ values.values() | join(', ') }}) as row(
        {%- for field in values %}{{ field }} {{ types[field] }}{{ ', ' if not loop.last }}{% endfor -%}
    ))
{%- endmacro %}


{# How many of them there are. #}
{% macro count_of_elements(array) %}{{ return(adapter.dispatch('count_of_elements')(array)) }}{% endmacro %}
{% macro duckdb__count_of_elements(array) -%} len({{ array }}) {%- endmacro %}
{% macro athena__count_of_elements(array) -%} cardinality({{ array }}) {%- endmacro %}

{# Each of them once, nulls left out. #}
{% macro distinct_elements(array) %}{{ return(adapter.dispatch('distinct_elements')(array)) }}{% endmacro %}
{% macro duckdb__distinct_elements(array) -%} list_distinct({{ array }}) {%- endmacro %}
{% macro athena__distinct_elements(array) -%} filter(array_distinct({{ array }}), element -> element is not null) {%- endmacro %}


{# An aggregate: a map of texts to doubles; rows without a key are left out, and no row at all gives an empty map. A key must come once. #}
{% macro map_of(key, value) %}{{ return(adapter.dispatch('map_of')(key, value)) }}{% endmacro %}
{% macro duckdb__map_of(key, value) -%}
    coalesce(
        map_from_entries(list_sort(array_agg({'key': {{ key }}, 'value': {{ value }}}) filter (where {{ key }} is not null))),
        {{ duckdb__empty_map() }}
    )
{%- endmacro %}
{% macro athena__map_of(key, value) -%}
    coalesce(map_agg({{ key }}, {{ value }}) filter (where {{ key }} is not null), {{ athena__empty_map() }})
{%- endmacro %}

{% macro empty_map() %}{{ return(adapter.dispatch('empty_map')()) }}{% endmacro %}
{% macro duckdb__empty_map() -%} cast(map([], []) as map(varchar, double)) {%- endmacro %}
{% macro athena__empty_map() -%} cast(map() as map(varchar, double)) {%- endmacro %}
