{% macro utc_from_iso(text) %}{{ return(adapter.dispatch('utc_from_iso')(text)) }}{% endmacro %}
{% macro duckdb__utc_from_iso(text) -%}
    make_timestamp(epoch_us(try_cast({{ text }} as timestamptz)))
{%- endmacro %}
{% macro athena__utc_from_iso(text) -%}
    cast(try_cast(replace({{ text }}, 'T', ' ') as timestamp(6) with time zone) at time zone 'UTC' as timestamp(6))
{%- endmacro %}


{# Of a wall time that comes twice the second; one that a clock change skips as if it had not come yet. #}
{% macro utc_from_local(local_time, timezone) %}{{ return(adapter.dispatch('utc_from_local')(local_time, timezone)) }}{% endmacro %}
{% macro duckdb__utc_from_local(local_time, timezone) -%}
    cast(({{ local_time }}) at time zone {{ timezone }} at time zone 'UTC' as timestamp(6))
{%- endmacro %}
{# Trino takes the first of two in some zones and the second in others. The second is as far from UTC as the same time a day later. #}
{% macro athena__utc_from_local(local_time, timezone) -%}
    {%- set a_day_later = athena__any_utc_from_local("date_add('day', 1, " ~ local_time ~ ")", timezone) -%}
    case
        when {{ athena__local_from_utc("date_add('day', -1, " ~ a_day_later ~ ")", timezone) }} = {{ local_time }}
            then date_add('day', -1, {{ a_day_later }})
        else {{ athena__any_utc_from_local(local_time, timezone) }}
    end
{%- endmacro %}

{% macro athena__any_utc_from_local(local_time, timezone) -%}
    cast(with_timezone({{ local_time }}, {{ timezone }}) at time zone 'UTC' as timestamp(6))
{%- endmacro %}


{% macro local_from_utc(utc_time, timezone) %}{{ return(adapter.dispatch('local_from_utc')(utc_time, timezone)) }}{% endmacro %}
{% macro duckdb__local_from_utc(utc_time, timezone) -%}
    cast(({{ utc_time }}) at time zone 'UTC' at time zone {{ timezone }} as timestamp(6))
{%- endmacro %}
{% macro athena__local_from_utc(utc_time, timezone) -%}
    cast(at_timezone(with_timezone({{ utc_time }}, 'UTC'), {{ timezone }}) as timestamp(6))
{%- endmacro %}


{# Microseconds since 1970 as an integer, and back: clocks are computed in whole microseconds. #}
{% macro micros(moment) %}{{ return(adapter.dispatch('micros')(moment)) }}{% endmacro %}
{% macro duckdb__micros(moment) -%} epoch_us({{ moment }}) {%- endmacro %}
{# Trino counts in milliseconds or in doubles, which are not exact far from 1970: the last three digits come from the text. #}
{% macro athena__micros(moment) -%}
    (
        date_diff('millisecond', timestamp '1970-01-01 00:00:00', {{ moment }}) * 1000
        + cast(substr(cast(cast({{ moment }} as timestamp(6)) as varchar), -3) as bigint)
    )
{%- endmacro %}

{% macro moment(micros) %}{{ return(adapter.dispatch('moment')(micros)) }}{% endmacro %}
{% macro duckdb__moment(micros) -%} make_timestamp({{ micros }}) {%- endmacro %}
{# As a decimal: 64 bits of nanoseconds end in 2262. #}
{% macro athena__moment(micros) -%}
    cast(from_unixtime_nanos(cast({{ micros }} as decimal(38, 0)) * 1000) at time zone 'UTC' as timestamp(6))
{%- endmacro %}


{# An array, to be unnested: every date from first_day to last_day, none if either is null. #}
{% macro dates_between(first_day, last_day) %}{{ return(adapter.dispatch('dates_between')(first_day, last_day)) }}{% endmacro %}
{% macro duckdb__dates_between(first_day, last_day) -%}
    cast(generate_series({{ first_day }}, {{ last_day }}, interval 1 day) as date[])
{%- endmacro %}
{% macro athena__dates_between(first_day, last_day) -%}
    transform(
        {{ athena__numbers_between('0', "date_diff('day', " ~ first_day ~ ", " ~ last_day ~ ")") }},
        days -> date_add('day', days, {{ first_day }})
    )
{%- endmacro %}

{% macro add_days(day, days) %}{{ return(adapter.dispatch('add_days')(day, days)) }}{% endmacro %}
{% macro duckdb__add_days(day, days) -%} cast({{ day }} + {{ days }} as date) {%- endmacro %}
{% macro athena__add_days(day, days) -%} date_add('day', {{ days }}, {{ day }}) {%- endmacro %}

{# An array, to be unnested: whole numbers from first to last. #}
{% macro numbers_between(first, last) %}{{ return(adapter.dispatch('numbers_between')(first, last)) }}{% endmacro %}
{% macro duckdb__numbers_between(first, last) -%} generate_series({{ first }}, {{ last }}) {%- endmacro %}
{# Trino's sequence() has 10,000 elements at most, and counts down if the last is lower. #}
{% macro athena__numbers_between(first, last) -%}
    case
        when {{ first }} <= {{ last }} then flatten(transform(
            sequence(0, ({{ last }} - ({{ first }})) / 10000),
            block -> sequence({{ first }} + block * 10000, least({{ last }}, {{ first }} + block * 10000 + 9999))
        ))
    end
{%- endmacro %}


{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(day) %}{{ return(adapter.dispatch('iso_weekday')(day)) }}{% endmacro %}
{% macro duckdb__iso_weekday(day) -%} isodow({{ day }}) {%- endmacro %}
{% macro athena__iso_weekday(day) -%} day_of_week({{ day }}) {%- endmacro %}
