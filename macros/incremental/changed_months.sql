{#
    A ticket's rows lie in the month in which it was opened: tables are partitioned by it. These predicates name the months of changed tickets as literals,
    so that no other partition is read. `int_load_months` has them for each load.
#}


{# The months, as text, in which tickets with a line of a load were opened that this model has not taken in; none for all of them. #}
{% macro changed_months() %}
    {% if not execute or is_incremental() %}{% set depends_on = ref('int_load_months') %}{% endif %}
    {{ return(months_since(last_load()) if execute and is_incremental() else none) }}
{% endmacro %}


{# The same of a load, by number; none if that is not known, since int_load_months was left out of a build. #}
{% macro months_since(load) %}
    {% set months = table_named('int_load_months') %}
    {% if load_relation(months) is none %}{{ return(none) }}{% endif %}
    {% set found = looked_up(
        "select distinct cast(opened_month as varchar) as opened_month from " ~ months ~ " where load_id > " ~ load ~ "
        union all
        select 'not known' as opened_month
        from " ~ load_watermarks() ~ "
        where model in ('int_load_months', 'stg_ticket_updates__lines') and feed = 'ticket_updates'
        having max(load_id) > coalesce(max(case when model = 'int_load_months' then load_id end), 0)
        order by opened_month"
    ) %}
    {{ return(none if 'not known' in found else found) }}
{% endmacro %}


{# The months, as text, that lines may name which have an identity of the changed updates; none for all of them. #}
{% macro repeated_months() %}
    {% if not execute or is_incremental() %}{% set depends_on = ref('int_load_months') %}{% endif %}
    {{ return(repeated_months_since(last_load()) if execute and is_incremental() else none) }}
{% endmacro %}


{#
    The same of the updates of later loads than this one; none if int_load_months does not know them. Lines of one identity mostly name one
    month, their ticket's. Others are looked for where `int_load_months` has update_ids on both sides of it, or, if it looks like an md5, others that do; one
    that is derived from a text stands in the month of that text.
#}
{% macro repeated_months_since(load) %}
    {% set months = table_named('int_load_months') %}
    {% if months_since(load) is none %}{{ return(none) }}{% endif %}
    {{ return(looked_up(
        "select distinct cast(stored.opened_month as varchar) as opened_month
        from " ~ months ~ " as stored
        inner join " ~ months ~ " as loaded
            on loaded.load_id > " ~ load ~ " and (
                stored.opened_month = loaded.opened_month
                or (stored.first_update_id <= loaded.last_update_id and stored.last_update_id >= loaded.first_update_id)
                or (stored.states_md5s and (loaded.states_md5s or loaded.derives_md5s))
                or (stored.derives_md5s and loaded.states_md5s)
            )
        order by opened_month"
    )) }}
{% endmacro %}


{#
    The months, as text, in which tickets were opened that have an update or a breach on the days from this one on; none if all days are computed. Apart,
    each of the two looks at files only that reach so far.
#}
{% macro months_reaching(first_day) %}
    {% if not execute or first_day %}{% set tickets = ref('int_tickets') %}{% endif %}
    {% if not execute or not first_day %}{{ return(none) }}{% endif %}
    {{ return(run_query(
        "select distinct cast(cast(date_trunc('month', created_at) as date) as varchar) as opened_month
        from (
            select created_at from " ~ tickets ~ " where " ~ is_on_changed_day('last_updated_at', first_day) ~ "
            union all
            select created_at from " ~ tickets ~ " where " ~ is_on_changed_day('breaches_at', first_day) ~ "
        ) as reaching
        order by opened_month"
    ).columns[0].values() | list) }}
{% endmacro %}


{# A predicate: whether a moment or a date lies in one of these months; always, if they are not known;
    with `or_later`, in the first of them or after it. Months that follow each other make one range. #}
{% macro in_months(moment, months, or_later=false) %}
    {% if months is none %}{{ return('true') }}{% endif %}
    {% if or_later and months %}{{ return(moment ~ " >= cast('" ~ months[0] ~ "' as date)") }}{% endif %}
    {{ return(in_spans(moment, months, 'month')) }}
{% endmacro %}


{# A predicate: whether a moment or a date lies in one of these days or months. Those that follow each other make one range. #}
{% macro in_spans(moment, firsts, grain) %}
    {% set ranges = [] %}
    {% for first in firsts %}
        {% set after = month_after(first) if grain == 'month' else day_after(first) %}
        {% if ranges and ranges[-1][1] == first %}
            {% do ranges.append([ranges.pop()[0], after]) %}
        {% else %}
            {% do ranges.append([first, after]) %}
        {% endif %}
    {% endfor %}
    {% set predicates = [] %}
    {% for first, after in ranges %}
        {% do predicates.append(
            moment ~ " >= cast('" ~ first ~ "' as date)" ~ (" and " ~ moment ~ " < cast('" ~ after ~ "' as date)" if after else '')
        ) %}
    {% endfor %}
    {{ return('(' ~ predicates | join(' or ') ~ ')' if predicates else 'false') }}
{% endmacro %}


{# The first day of the next month; none after the last that can be written. #}
{% macro month_after(month) %}
    {% set year, number = month[:4] | int, month[5:7] | int %}
    {% if year == 9999 and number == 12 %}{{ return(none) }}{% endif %}
    {{ return('%04d-%02d-01' | format(year + number // 12, number % 12 + 1)) }}
{% endmacro %}


{# The next day; none after the last that can be written. #}
{% macro day_after(day) %}
    {% if day == '9999-12-31' %}{{ return(none) }}{% endif %}
    {{ return((modules.datetime.date.fromisoformat(day) + modules.datetime.timedelta(days=1)).isoformat()) }}
{% endmacro %}
