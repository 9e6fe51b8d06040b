{#
    The first day that a daily table has to compute anew: the earliest moment that lines of new loads touch, or the day of
    the last as_of, since open tickets breach without a line, whichever is earlier. An update changes nothing before it,
    unless it is now its ticket's first: then the ticket was opened at another moment, perhaps in another market.
#}
{% macro first_changed_day() %}
    {% if not execute or not is_incremental() %}{{ return(none) }}{% endif %}
    {% set load = last_load() %}
    {% if cells_have_changed() %}{{ return('0001-01-01') }}{% endif %}
    {% set found = run_query(
        "with changed as (
            select source, update_id, updated_at, created_at, is_duplicate, reason, landed_on
            from " ~ ref('stg_ticket_updates__lines') ~ "
            where load_id > " ~ load ~ "
        ),
        moments as (
            select min(updated_at) as moment from changed where reason is null and not is_duplicate
            union all
            -- Read again with a file that landed before it, a line may have become a duplicate.
            select min(duplicates.created_at)
            from changed as duplicates
            inner join changed as winners
                on duplicates.source = winners.source and duplicates.update_id = winners.update_id and not winners.is_duplicate
            where duplicates.is_duplicate
            union all
            select min(states.stated_created_at)
            from " ~ ref('int_ticket_states') ~ " as states
            where states.ticket_key in (
                select ticket_key from " ~ ref('int_ticket_states') ~ " where load_id > " ~ load ~ " and state_no = 1
            )
            union all
            select cast(min(landed_on) as timestamp) from changed where reason is not null
            union all
            select as_of from " ~ ref('int_as_of') ~ "
            union all
            select cast(coalesce(max(day), cast('0001-01-01' as date)) as timestamp) from " ~ this ~ "
        )
        select cast(cast(min(moment) as date) as varchar) from moments"
    ) %}
    {{ return(found.columns[0].values()[0]) }}
{% endmacro %}


{# Narrows a daily table's input to what happened since its first changed day. #}
{% macro on_changed_days(moment, first_day) -%}
    {%- if first_day %}and {{ moment }} >= cast('{{ first_day }}' as timestamp){% endif -%}
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

