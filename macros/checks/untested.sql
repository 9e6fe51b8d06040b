{#
    Tests of tables that grow with every ticket look at what has changed since they last passed: a place holder in their `where` says by which
    key, and for tickets by which column's months. So a day's tests cost what the day brings; after a failure they look at the same rows again,
    and more. A full refresh, and the var `test_all`, make them look at everything.
#}
{% macro get_where_subquery(relation) %}
    {%- set where = config.get('where') -%}
    {%- if not where -%}{{- return(relation) -}}{%- endif -%}
    {%- set by_ticket = modules.re.search('__untested_tickets__\\((since )?(\\w+)\\)', where) -%}
    {%- set by_feed = modules.re.search('__untested_(lines|records)__\\((\\w+)\\)', where) -%}
    {%- if by_ticket -%}
        {%- set where = where | replace(by_ticket.group(0), is_untested_ticket('ticket_key', by_ticket.group(2), or_later=by_ticket.group(1) is not none)) -%}
    {%- elif '__untested_updates__' in where -%}
        {%- set where = where | replace('__untested_updates__', is_untested_update('created_at')) -%}
    {%- elif by_feed -%}
        {%- set where = where | replace(by_feed.group(0), is_untested_line(by_feed.group(2)) if by_feed.group(1) == 'lines' else is_untested_record(by_feed.group(2))) -%}
    {%- elif '__untested_landings__' in where -%}
        {%- set where = where | replace('__untested_landings__', is_untested_landing('feed', 'landed_on')) -%}
    {%- elif '__untested_days__' in where -%}
        {%- set where = where | replace('__untested_days__', is_untested_day('day')) -%}
    {%- endif -%}
    {{- return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') as tested') -}}
{% endmacro %}


{#
    `opened_at` is the column by whose month the table is partitioned: only the months of these tickets are read. If it can be later than the opening,
    `or_later`, all is read from the first of these months on.
#}
{% macro is_untested_ticket(ticket_key, opened_at, or_later=false) -%}
    {%- set load = last_tested_load() -%}
    {%- if not load -%}{{- return('true') -}}{%- endif -%}
    {%- set changed = tickets_since(load, table_named('stg_ticket_updates__lines')) -%}
    {{- ticket_key ~ ' in (' ~ changed ~ ') and ' ~ in_months(opened_at, months_since(load), or_later) -}}
{%- endmacro %}

{# An update may repeat the identity of one that landed long ago. #}
{% macro is_untested_update(created_at) -%}
    {%- set load = last_tested_load() -%}
    {{- is_untested_record('ticket_updates') ~ (' and ' ~ in_months(created_at, repeated_months_since(load)) if load else '') -}}
{%- endmacro %}

{% macro is_untested_line(feed) -%}
    {{- 'load_id > ' ~ last_tested_load(feed) -}}
{%- endmacro %}

{% macro is_untested_record(feed) -%}
    {%- set load = last_tested_load(feed) -%}
    {%- if not load -%}{{- return('true') -}}{%- endif -%}
    {{- is_record_since(feed, load, table_named(staged_lines(feed))) -}}
{%- endmacro %}


{# A day of a table that counts by day; the rows of its moments, too. #}
{% macro is_untested_day(moment) -%}
    {%- set first_day = first_untested_day() -%}
    {{- moment ~ " >= cast('" ~ first_day ~ "' as date)" if first_day else 'true' -}}
{%- endmacro %}

{# The first day that has changed since this test last passed; none if it has to look at all. #}
{% macro first_untested_day() %}
    {%- set load = last_tested_load() -%}
    {{- return(first_day_since(model.unique_id, load) if load else none) -}}
{% endmacro %}

{# A moment or a date of which lines of a feed tell that were read since this test last passed: `moment` is theirs, `grain` day or month. #}
{% macro is_untested_date(date, feed, moment, grain) -%}
    {%- set load = last_tested_load(feed) -%}
    {{- in_spans(date, dates_since(feed, load, moment, grain), grain) if load else 'true' -}}
{%- endmacro %}


{# What landed on a day, of a feed, that was read since this test last passed. #}
{% macro is_untested_landing(feed, landed_on) -%}
    (
        {%- for name in feeds() -%}
        {%- set load = last_tested_load(name) -%}
        {%- set since = landed_on ~ " >= cast('" ~ first_landed_day(table_named(staged_lines(name)), load) ~ "' as date)" if load else 'true' -%}
        {{ feed }} = '{{ name }}' and {{ since }} {{- ' or ' if not loop.last }}
        {%- endfor -%}
    )
{%- endmacro %}


{# The last load of a feed whose rows this test has passed; 0 if it has to look at all. #}
{% macro last_tested_load(feed='ticket_updates') %}
    {% if not execute or flags.FULL_REFRESH or var('test_all') %}{{ return(0) }}{% endif %}
    {{ return(last_recorded_load(model.unique_id, feed)) }}
{% endmacro %}


{# On-run-end: tests that passed with a place holder have seen what every model has taken in. #}
{% macro record_passed_tests(results) %}
    {% if execute and flags.WHICH in ['build', 'test'] %}
        {% set passed = [] %}
        {% for result in results if result.node.resource_type == 'test' and result.status == 'pass' %}
            {% if '__untested_' in (result.node.config.where or '') or 'is_untested_' in result.node.raw_code %}
                {% do passed.append("('" ~ result.node.unique_id ~ "')") %}
            {% endif %}
        {% endfor %}
        {% if passed %}
            insert into {{ load_watermarks() }}
            select passed.test, taken_in.feed, taken_in.load_id, null, taken_in.as_of
            from (values {{ passed | join(', ') }}) as passed (test)
            cross join (
                select
                    feed,
                    min(load_id) as load_id,
                    min(as_of) as as_of
                from (
                    select
                        feed,
                        load_id,
                        as_of,
                        rank() over (partition by model, feed order by load_id desc) as recency
                    from {{ load_watermarks() }}
                    where model not like 'test.%'
                ) as by_recency
                where recency = 1
                group by feed
            ) as taken_in
            left join (
                select
                    model,
                    feed,
                    max(load_id) as load_id
                from {{ load_watermarks() }}
                group by model, feed
            ) as tested
                on passed.test = tested.model and taken_in.feed = tested.feed
            where taken_in.load_id > coalesce(tested.load_id, 0)
        {% endif %}
    {% endif %}
{% endmacro %}
