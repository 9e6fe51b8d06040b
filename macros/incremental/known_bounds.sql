{#
    What int_as_of said after the last build, as text; none if it has to look at all updates: the first time, in a full refresh, and if no update is as
    late any more, since a file that landed before it has made it a repetition.
#}
{% macro known_bounds() %}
    {% if not execute or flags.FULL_REFRESH or load_relation(this) is none %}{{ return(none) }}{% endif %}
    {% set known = run_query(
        "select cast(latest_updated_at as varchar) as latest_updated_at, cast(earliest_created_at as varchar) as earliest_created_at from " ~ this
    ).rows[0] %}
    {% if known.latest_updated_at is none %}{{ return(none) }}{% endif %}
    {% set as_late = run_query(
        "select 1 from " ~ ref('int_ticket_updates') ~ " where updated_at >= cast('" ~ known.latest_updated_at ~ "' as timestamp(6)) limit 1"
    ) %}
    {{ return(known if as_late.rows | length else none) }}
{% endmacro %}


{#
    The first day of the month after that in which the first ticket was opened, so that no later one is looked at; none to look at all, which a ticket asks for
    whose first update states a later creation than another does.
#}
{% macro month_after_first_opened() %}
    {% set tickets, bounds = ref('int_tickets'), ref('int_as_of') %}
    {% if not execute or load_relation(bounds) is none %}{{ return(none) }}{% endif %}
    {% set earliest = run_query("select cast(earliest_created_at as varchar) from " ~ bounds).columns[0].values()[0] %}
    {% set after = month_after(earliest) if earliest else none %}
    {% if not after %}{{ return(none) }}{% endif %}
    {% set opened = run_query("select 1 from " ~ tickets ~ " where created_at < cast('" ~ after ~ "' as date) limit 1") %}
    {{ return(after if opened.rows | length else none) }}
{% endmacro %}


{# Whether a table has a row, so that nothing need be read for one that has none; true if it cannot be asked. #}
{% macro has_rows(relation) %}
    {% if not execute or load_relation(relation) is none %}{{ return(true) }}{% endif %}
    {{ return(run_query("select 1 from " ~ relation ~ " limit 1").rows | length > 0) }}
{% endmacro %}
