{% macro micros_between(start, stop) -%} ({{ micros(stop) }} - {{ micros(start) }}) {%- endmacro %}
{% macro hours(micros) -%} ({{ micros }} / 3.6e9) {%- endmacro %}
{% macro minutes(micros) -%} ({{ micros }} / 6e7) {%- endmacro %}
{# With two decimals, half up; of no negative span. #}
{% macro rounded_minutes(micros) -%}
    cast({{ whole_quotient(micros ~ ' + 300000', 600000) }} / 1e2 as decimal(18, 2))
{%- endmacro %}


{# '08:30' as minutes after midnight; '24:00' is 1440. #}
{% macro wall_time_minutes(wall_time) -%}
    (cast(substr({{ wall_time }}, 1, 2) as integer) * 60 + cast(substr({{ wall_time }}, 4, 2) as integer))
{%- endmacro %}

{# The local timestamp of a wall time on a date; 24:00 is the next midnight. #}
{% macro local_moment(day, wall_time) -%}
    (cast({{ day }} as timestamp(6)) + interval '1' minute * {{ wall_time_minutes(wall_time) }})
{%- endmacro %}
