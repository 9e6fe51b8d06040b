{# When a clock runs out: the deadline that the source states, the breach, or the moment at which it will come if nothing changes. #}
{% macro sla_due_at(prefix='') -%}
    case
        when {{ prefix }}current_deadline is not null then {{ prefix }}current_deadline
        when {{ prefix }}breached_at is not null then {{ prefix }}breached_at
        when {{ prefix }}is_running then {{ prefix }}breaches_at
    end
{%- endmacro %}


{# What a running clock has counted since its present span began. #}
{% macro running_micros() -%}
    case
        when not is_running then 0
        when current_hours = 'business' then open_micros - current_since_open_micros
        else {{ micros_between('current_since', 'as_of') }}
    end
{%- endmacro %}
