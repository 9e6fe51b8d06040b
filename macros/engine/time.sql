{% macro utc_from_iso(text) %}{{ return(adapter.dispatch('utc_from_iso')(text)) }}{% endmacro %}
{% macro duckdb__utc_from_iso(text) -%}
    make_timestamp(epoch_us(try_cast({{ text }} as timestamptz)))
{%- endmacro %}
{% macro athena__utc_from_iso(text) -%}
    cast(try_cast(replace({{ text }}, 'T', ' ') as timestamp(6) with time zone) at time zone 'UTC' as timestamp(6))
{%- endmacro %}


{% macro utc_from_local(local_time, timezone) %}{{ return(adapter.dispatch('utc_from_local')(local_time, timezone)) }}{% endmacro %}
{% macro duckdb__utc_from_local(local_time, timezone) -%}
    cast(({{ local_time }}) at time zone {{ timezone }} at time zone 'UTC' as timestamp(6))
{%- endmacro %}
{% macro athena__utc_from_local(local_time, timezone) -%}
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
{% macro athena__micros(moment) -%} cast(round(to_unixtime({{ moment }}) * 1e6) as bigint) {%- endmacro %}

{% macro moment(micros) %}{{ return(adapter.dispatch('moment')(micros)) }}{% endmacro %}
{% macro duckdb__moment(micros) -%} make_timestamp({{ micros }}) {%- endmacro %}
{% macro athena__moment(micros) -%}
    cast(from_unixtime_nanos(({{ micros }}) * 1000) at time zone 'UTC' as timestamp(6))
{%- endmacro %}


{# An array, to be unnested: every date from first_day to last_day, none if either is null. #}
{% macro dates_between(first_day, last_day) %}{{ return(adapter.dispatch('dates_between')(first_day, last_day)) }}{% endmacro %}
{% macro duckdb__dates_between(first_day, last_day) -%}
    cast(generate_series({{ first_day }}, {{ last_day }}, interval 1 day) as date[])
{%- endmacro %}
{% macro athena__dates_between(first_day, last_day) -%}
    case when {{ first_day }} <= {{ last_day }} then sequence({{ first_day }}, {{ last_day }}) end
{%- endmacro %}

{% macro add_days(day, days) %}{{ return(adapter.dispatch('add_days')(day, days)) }}{% endmacro %}
{% macro duckdb__add_days(day, days) -%} cast({{ day }} + {{ days }} as date) {%- endmacro %}
{% macro athena__add_days(day, days) -%} date_add('day', {{ days }}, {{ day }}) {%- endmacro %}

{# An array, to be unnested: whole numbers from first to last. #}
{% macro numbers_between(first, last) %}{{ return(adapter.dispatch('numbers_between')(first, last)) }}{% endmacro %}
{% macro duckdb__numbers_between(first, last) -%} generate_series({{ first }}, {{ last }}) {%- endmacro %}
{% macro athena__numbers_between(first, last) -%} sequence({{ first }}, {{ last }}) {%- endmacro %}


{# 1 for Monday to 7 for Sunday. #}
{% macro iso_weekday(day) %}{{ return(adapter.dispatch('iso_weekday')(day)) }}{% endmacro %}
{% macro duckdb__iso_weekday(day) -%} isodow({{ day }}) {%- endmacro %}
{% macro athena__iso_weekday(day) -%} day_of_week({{ day }}) {%- endmacro %}
