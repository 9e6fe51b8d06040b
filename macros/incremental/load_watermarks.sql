{#
    A load is one reading of new landings of a feed by its staging model, numbered from 1. Each incremental model records the last load of each of its
    feeds that it has taken in, in the same transaction as its rows; what came with later loads is what it reads next. Tests record theirs, too
    (macros/checks/untested.sql).
#}
{% macro load_watermarks() %}
    {{- return(table_named('load_watermarks')) -}}
{% endmacro %}


{# A table of this project, by name and without ref: for bookkeeping, and for tests, which depend on what they test and no more. #}
{% macro table_named(name) %}
    {{- return(api.Relation.create(database=target.database, schema=target.schema, identifier=name, type='table')) -}}
{% endmacro %}


{#
    Run before dbt looks at what is there, or the first build would take it that nothing has been recorded. A table of an older version of this project, with
    other columns, is made anew: nothing counts as taken in then, so that every model computes all its rows.
#}
{% macro create_load_watermarks() %}
    {% set columns = {'model': 'varchar', 'feed': 'varchar', 'load_id': 'bigint', 'reference_data': 'varchar', 'as_of': 'varchar'} %}
    {% if execute and flags.WHICH not in ('compile', 'generate') %}
        {% set stored = load_relation(load_watermarks()) %}
        {% if stored %}
            {% if adapter.get_columns_in_relation(stored) | map(attribute='name') | sort != columns | sort %}
                {% do adapter.drop_relation(stored) %}
            {% endif %}
            {# To look has opened a transaction, which dbt would roll back with all that the other hooks of the start have done. #}
            {% do adapter.commit() %}
        {% endif %}
        {% do adapter.cache_added(load_watermarks()) %}
    {% endif %}
    {{ create_bookkeeping_table(load_watermarks(), columns) }}
{% endmacro %}


{# Post-hook of every incremental model; a table of days also records the as_of up to which it goes. With --empty nothing has been taken in. #}
{% macro record_load() %}
    {% if execute and not flags.EMPTY %}
    {% do stop_if_overtaken() %}
    {% set measured_with = reference_data_fingerprint() if reference_data_columns() else 'null' %}
    insert into {{ load_watermarks() }}
    {% if this.identifier == staged_lines(own_feeds()[0]) %}
    select '{{ this.identifier }}', '{{ own_feeds()[0] }}', {{ next_load() }}, {{ measured_with }}, null
    {% else %}
    {% set by_day = config.get('meta').get('replaces') == 'days' %}
    select
        '{{ this.identifier }}',
        feed,
        max(load_id),
        {{ measured_with }},
        {{ '(select cast(as_of as varchar) from ' ~ ref('int_as_of') ~ ')' if by_day else 'null' }}
    from {{ load_watermarks() }}
    where {% for feed in own_feeds() %}(model = '{{ staged_lines(feed) }}' and feed = '{{ feed }}'){{ ' or ' if not loop.last }}{% endfor %}
    group by feed
    {% endif %}
    {% endif %}
{% endmacro %}


{# The number of the load that staging is about to make. #}
{% macro next_load() %}
    {{ return(last_load() + 1) }}
{% endmacro %}


{# The last load of a feed, of the first of its own if none is named, that this model has taken in; 0 for none. #}
{% macro last_load(feed=none) %}
    {{ return(last_recorded_load(this.identifier, feed or own_feeds()[0])) }}
{% endmacro %}


{# The last load of a feed recorded for a model or a test; 0 for none. #}
{% macro last_recorded_load(name, feed) %}
    {% if not execute or load_relation(load_watermarks()) is none %}{{ return(0) }}{% endif %}
    {{ return(looked_up("select coalesce(max(load_id), 0) from " ~ load_watermarks() ~ " where model = '" ~ name ~ "' and feed = '" ~ feed ~ "'")[0] | int) }}
{% endmacro %}


{#
    The first column of what a query says, as a list. A node asks each query once: what is noted of loads stays the same until the end of a model's build,
    which records the next one.
#}
{% macro looked_up(query) %}
    {% set answers = model.setdefault('looked_up', {}) %}
    {% if query not in answers %}{% do answers.update({query: run_query(query).columns[0].values() | list}) %}{% endif %}
    {{ return(answers[query]) }}
{% endmacro %}
