{#
    The first day that a daily table has to compute anew: the earliest moment that lines of new loads touch, or the day of
    the last as_of, since open tickets breach without a line, whichever is earlier. An update changes nothing before it,
    unless it is now its ticket's first: then the ticket was opened at another moment, perhaps in another market.
#}
{% macro first_changed_day() %}
    {% set lines, updates, states, bounds = ref('stg_ticket_updates__lines'), ref('int_ticket_updates'), ref('int_ticket_states'), ref('int_as_of') %}
    {% if not execute or not is_incremental() %}{{ return(none) }}{% endif %}
    {% set load = last_load() %}
    {% if cells_have_changed() or reference_data_changed_since(load) %}{{ return('0001-01-01') }}{% endif %}
    {% set found = run_query(
        "with changed as (
            select source, update_id, updated_at, file
            from " ~ updates ~ "
            where load_id > " ~ load ~ "
        ),
        landed as (
            select source, update_id, created_at, file, reason, landed_on
            from " ~ lines ~ "
            where load_id > " ~ load ~ "
        ),
        moments as (
            select min(updated_at) as moment from changed
            union all
            -- Read again with a file that landed before it, a line may have become a duplicate.
            select min(landed.created_at)
            from landed
            inner join changed
                on landed.source = changed.source and landed.update_id = changed.update_id and landed.file <> changed.file
            where landed.reason is null
            union all
            select min(states.stated_created_at)
            from " ~ states ~ " as states
            where states.ticket_key in (
                select ticket_key from " ~ states ~ " where load_id > " ~ load ~ " and state_no = 1
            )
            union all
            select cast(min(landed_on) as timestamp) from landed where reason is not null
            union all
            select as_of from " ~ bounds ~ "
            union all
            select cast(coalesce(max(day), cast('0001-01-01' as date)) as timestamp) from " ~ this ~ "
        )
        select cast(cast(min(moment) as date) as varchar) from moments"
    ) %}
    {{ return(found.columns[0].values()[0]) }}
{% endmacro %}


{# Whether a moment lies in the days that a daily table computes anew: always, if it computes all. #}
{% macro is_on_changed_day(moment, first_day) -%}
    {{ moment ~ " >= cast('" ~ first_day ~ "' as timestamp)" if first_day else 'true' }}
{%- endmacro %}


{#
    Whether a table that has a row for every cell on every day (`meta.cells`: the columns that make a cell) has other cells
    than there are now. Then all its days change.
#}
{% macro cells_have_changed() %}
    {% set cells = config.get('meta').get('cells') %}
    {% if not cells %}{{ return(false) }}{% endif %}
    {% set columns = cells | join(', ') %}
    {% set now = "select distinct " ~ columns ~ " from " ~ ref('int_ticket_states') ~ " where is_update" %}
    {% set stored = "select distinct " ~ columns ~ " from " ~ this %}
    {% set found = run_query(
        "select count(*) from ((" ~ now ~ " except " ~ stored ~ ") union all (" ~ stored ~ " except " ~ now ~ ")) as differing"
    ) %}
    {{ return(found.columns[0].values()[0] > 0) }}
{% endmacro %}

