{#
    The first day that a daily table has to compute anew: the earliest moment that loads reach which it has not taken in, or the
    day of the last as_of, since open tickets breach without a line, whichever is earlier.
#}
{% macro first_changed_day() %}
    {% set loads, bounds = ref('int_loads'), ref('int_as_of') %}
    {% if not execute or not is_incremental() %}{{ return(none) }}{% endif %}
    {% set load = last_load() %}
    {% if cells_have_changed() %}{{ return('0001-01-01') }}{% endif %}
    {% set found = run_query(
        "with moments as (
            select min(first_changed_at) as moment from " ~ loads ~ " where load_id > " ~ load ~ "
            union all
            select as_of from " ~ bounds ~ "
            union all
            select cast(coalesce(max(day), cast('0001-01-01' as date)) as timestamp(6)) from " ~ this ~ "
        )
        select cast(cast(min(moment) as date) as varchar) from moments"
    ) %}
    {{ return(found.columns[0].values()[0]) }}
{% endmacro %}


{# Whether a moment lies in the days that a daily table computes anew: always, if it computes all. #}
{% macro is_on_changed_day(moment, first_day) -%}
    {{ moment ~ " >= cast('" ~ first_day ~ "' as timestamp(6))" if first_day else 'true' }}
{%- endmacro %}


{#
    Whether a table that has a row for every cell on every day (`meta.cells`: the model that lists the cells) has other cells than there are now. Then all
    its days change.
#}
{% macro cells_have_changed() %}
    {% set cells = config.get('meta').get('cells') %}
    {% if not cells %}{{ return(false) }}{% endif %}
    {% set now = ref(cells) %}
    {% set columns = adapter.get_columns_in_relation(now) | map(attribute='name') | join(', ') %}
    {% set now = "select " ~ columns ~ " from " ~ now %}
    {% set stored = "select distinct " ~ columns ~ " from " ~ this %}
    {% set found = run_query(
        "select count(*) from ((" ~ now ~ " except " ~ stored ~ ") union all (" ~ stored ~ " except " ~ now ~ ")) as differing"
    ) %}
    {{ return(found.columns[0].values()[0] > 0) }}
{% endmacro %}
