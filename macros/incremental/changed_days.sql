{# The first day that a daily table has to compute anew; none if it computes all. #}
{% macro first_changed_day() %}
    {% set loads, bounds = ref('int_loads'), ref('int_as_of') %}
    {% if not execute or not is_incremental() %}{{ return(none) }}{% endif %}
    {{ return('0001-01-01' if cells_have_changed() else first_day_since(this.identifier, last_load())) }}
{% endmacro %}


{#
    The first day that has changed since a model or a test recorded a load: the earliest moment that later loads reach, or the as_of then or now, whichever
    is earlier, since open tickets breach without a line.
#}
{% macro first_day_since(name, load) %}
    {{ return(looked_up(
        "with moments as (
            select min(first_changed_at) as moment from " ~ table_named('int_loads') ~ " where load_id > " ~ load ~ "
            union all
            select as_of from " ~ table_named('int_as_of') ~ "
            union all
            select cast(as_of as timestamp(6)) from (" ~ recorded_as_of(name, load) ~ ") as recorded
        )
        select coalesce(cast(cast(min(moment) as date) as varchar), '0001-01-01') from moments"
    )[0]) }}
{% endmacro %}


{# A query of the as_of that a model or a test recorded with a load: of several, since it may have been built again, any may be the last. #}
{% macro recorded_as_of(name, load) %}
    {{- return("select as_of from " ~ load_watermarks() ~ " where model = '" ~ name ~ "' and feed = 'ticket_updates' and load_id = " ~ load) -}}
{% endmacro %}


{# Whether a moment lies in the days that a daily table computes anew: always, if it computes all. #}
{% macro is_on_changed_day(moment, first_day) -%}
    {{ moment ~ " >= cast('" ~ first_day ~ "' as timestamp(6))" if first_day else 'true' }}
{%- endmacro %}


{#
    Whether a table that has a row for every cell on every day (`meta.cells`: a model that has all cells, and in which columns) has other cells on its last
    day than there are now. Then all its days change.
#}
{% macro cells_have_changed() %}
    {% set cells = config.get('meta').get('cells') %}
    {% if not cells %}{{ return(false) }}{% endif %}
    {% set columns = cells.columns | join(', ') %}
    {% set now = "select distinct " ~ columns ~ " from " ~ ref(cells.model) %}
    {% set as_of = run_query("select coalesce(min(as_of), '0001-01-01') from (" ~ recorded_as_of(this.identifier, last_load()) ~ ") as recorded") %}
    {% set last_day = as_of.columns[0].values()[0][:10] %}
    {% set stored = "select " ~ columns ~ " from " ~ this ~ " where day = cast('" ~ last_day ~ "' as date)" %}
    {% set found = run_query(
        "select count(*) from ((" ~ now ~ " except " ~ stored ~ ") union all (" ~ stored ~ " except " ~ now ~ ")) as differing"
    ) %}
    {{ return(found.columns[0].values()[0] > 0) }}
{% endmacro %}
