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
    {% set months = load_watermarks().incorporate(path={'identifier': 'int_load_months'}) %}
    {% if load_relation(months) is none %}{{ return(none) }}{% endif %}
    {% set found = run_query(
        "select distinct cast(opened_month as varchar) as opened_month from " ~ months ~ " where load_id > " ~ load ~ "
        union all
        select 'not known' as opened_month
        from " ~ load_watermarks() ~ "
        where model in ('int_load_months', 'stg_ticket_updates__lines')
        having max(load_id) > coalesce(max(case when model = 'int_load_months' then load_id end), 0)
        order by opened_month"
    ).columns[0].values() | list %}
    {{ return(none if 'not known' in found else found) }}
{% endmacro %}


{# The months, as text, that the lines of changed updates with more than one line say that their tickets were opened in; none if all are computed. #}
{% macro repeated_months() %}
    {% set lines = ref('stg_ticket_updates__lines') %}
    {% if not execute or not is_incremental() %}{{ return(none) }}{% endif %}
    {{ return(run_query(
        "select distinct cast(cast(date_trunc('month', created_at) as date) as varchar) as opened_month
        from (
            select created_at, count(*) over (partition by source, update_id) as line_count
            from " ~ lines ~ "
            where reason is null and " ~ is_changed_update('source', 'update_id') ~ "
        ) as counted
        where line_count > 1
        order by opened_month"
    ).columns[0].values() | list) }}
{% endmacro %}


{# A predicate: whether a moment or a date lies in one of these months; always, if they are not known;
    with `or_later`, in the first of them or after it. Months that follow each other make one range. #}
{% macro in_months(moment, months, or_later=false) %}
    {% if months is none %}{{ return('true') }}{% endif %}
    {% if or_later and months %}{{ return(moment ~ " >= cast('" ~ months[0] ~ "' as date)") }}{% endif %}
    {% set ranges = [] %}
    {% for month in months %}
        {% if ranges and ranges[-1][1] == month %}
            {% do ranges.append([ranges.pop()[0], month_after(month)]) %}
        {% else %}
            {% do ranges.append([month, month_after(month)]) %}
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
