{# Nearest rank: the smallest value that at least `share` of the values do not exceed. #}
{% macro nearest_rank(expression, share) %}{{ return(adapter.dispatch('nearest_rank')(expression, share)) }}{% endmacro %}
{% macro duckdb__nearest_rank(expression, share) -%} quantile_disc({{ expression }}, {{ share }}) {%- endmacro %}
{% macro athena__nearest_rank(expression, share) -%}
    element_at(
        array_agg({{ expression }} order by {{ expression }}) filter (where {{ expression }} is not null),
        cast(ceil({{ share }} * count({{ expression }})) as integer)
    )
{%- endmacro %}


{# Integer division. #}
{% macro whole_quotient(dividend, divisor) %}{{ return(adapter.dispatch('whole_quotient')(dividend, divisor)) }}{% endmacro %}
{% macro duckdb__whole_quotient(dividend, divisor) -%} ({{ dividend }}) // {{ divisor }} {%- endmacro %}
{% macro athena__whole_quotient(dividend, divisor) -%} ({{ dividend }}) / {{ divisor }} {%- endmacro %}


{# Window functions that pass nulls over. `window` is what stands in OVER. #}
{% macro last_given(expression, window) %}{{ return(adapter.dispatch('last_given')(expression, window)) }}{% endmacro %}
{% macro duckdb__last_given(expression, window) -%} last_value({{ expression }} ignore nulls) over ({{ window }}) {%- endmacro %}
{% macro athena__last_given(expression, window) -%} last_value({{ expression }}) ignore nulls over ({{ window }}) {%- endmacro %}

{% macro last_given_before(expression, window) %}{{ return(adapter.dispatch('last_given_before')(expression, window)) }}{% endmacro %}
{% macro duckdb__last_given_before(expression, window) -%} lag({{ expression }} ignore nulls) over ({{ window }}) {%- endmacro %}
{% macro athena__last_given_before(expression, window) -%} lag({{ expression }}) ignore nulls over ({{ window }}) {%- endmacro %}

{% macro next_given(expression, window) %}{{ return(adapter.dispatch('next_given')(expression, window)) }}{% endmacro %}
{% macro duckdb__next_given(expression, window) -%} lead({{ expression }} ignore nulls) over ({{ window }}) {%- endmacro %}
{% macro athena__next_given(expression, window) -%} lead({{ expression }}) ignore nulls over ({{ window }}) {%- endmacro %}


{# The value, null or not, of the row with the lowest or highest `by`; rows without one do not count. #}
{% macro value_at_min(value, by) %}{{ return(adapter.dispatch('value_at_min')(value, by)) }}{% endmacro %}
{% macro duckdb__value_at_min(value, by) -%} arg_min_null({{ value }}, {{ by }}) filter (where {{ by }} is not null) {%- endmacro %}
{% macro athena__value_at_min(value, by) -%} min_by({{ value }}, {{ by }}) {%- endmacro %}

{% macro value_at_max(value, by) %}{{ return(adapter.dispatch('value_at_max')(value, by)) }}{% endmacro %}
{% macro duckdb__value_at_max(value, by) -%} arg_max_null({{ value }}, {{ by }}) filter (where {{ by }} is not null) {%- endmacro %}
{% macro athena__value_at_max(value, by) -%} max_by({{ value }}, {{ by }}) {%- endmacro %}


{# The last value that is not null, by several columns. #}
{% macro latest_value(value, by) %}{{ return(adapter.dispatch('latest_value')(value, by)) }}{% endmacro %}
{% macro duckdb__latest_value(value, by) -%} arg_max({{ value }}, ({{ by | join(', ') }})) {%- endmacro %}
{% macro athena__latest_value(value, by) -%} max_by({{ value }}, row({{ by | join(', ') }})) filter (where {{ value }} is not null) {%- endmacro %}
