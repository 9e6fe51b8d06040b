{# Joins the stretch of business time that `moment` lies in, exactly one; `open_micros` then says what the calendar has counted by that moment. #}
{% macro join_business_time(alias, calendar, moment) -%}
    left join {{ ref('int_business_time') }} as {{ alias }}
        on
            {{ calendar }} = {{ alias }}.calendar
            and cast({{ moment }} as date) = {{ alias }}.day
            and {{ moment }} >= {{ alias }}.starts_at
            and {{ moment }} < {{ alias }}.ends_at
{%- endmacro %}

{% macro open_micros(alias, moment) -%}
    ({{ alias }}.open_micros_before + case when {{ alias }}.is_open then {{ micros_between(alias ~ '.starts_at', moment) }} else 0 end)
{%- endmacro %}


{# Joins the open stretch in which the calendar passes `open_micros`; `moment_reached` is when. #}
{% macro join_business_time_reached(alias, calendar, open_micros) -%}
    left join {{ ref('int_business_time_reached') }} as {{ alias }}
        on
            {{ calendar }} = {{ alias }}.calendar
            and {{ open_micros_bucket(open_micros) }} = {{ alias }}.bucket
            and {{ open_micros }} >= {{ alias }}.open_micros_before
            and {{ open_micros }} < {{ alias }}.open_micros_after
{%- endmacro %}

{% macro moment_reached(alias, open_micros) -%}
    {{ moment(micros(alias ~ '.starts_at') ~ ' + ' ~ open_micros ~ ' - ' ~ alias ~ '.open_micros_before') }}
{%- endmacro %}

{# Buckets of four open hours: few stretches in each, so that an equality join finds the one. #}
{% macro open_micros_bucket(open_micros) -%} {{ whole_quotient(open_micros, 14400000000) }} {%- endmacro %}
