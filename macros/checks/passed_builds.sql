{#
    What may be published: the tables of a build that computed every model and passed every test. A run that writes takes the mark away before it starts,
    and a failing test does afterwards, so that it never stands on tables that nobody has tested as they are.
#}
{% macro passed_builds() %}
    {{- return(table_named('passed_builds')) -}}
{% endmacro %}


{% macro create_passed_builds() %}
    {{ create_bookkeeping_table(passed_builds(), {'build_id': 'varchar', 'public_table': 'varchar', 'stored_table': 'varchar'}) }}
{% endmacro %}


{# On-run-start: from here on the tables may be half of this run and half of what was there. #}
{% macro forget_passed_build() %}
    {% if execute and flags.WHICH in ('build', 'run', 'retry', 'seed', 'snapshot') %}
    delete from {{ passed_builds() }} where true
    {% endif %}
{% endmacro %}


{# On-run-end: a row for each public table and each stored table that it is made of, which are others if it is a view. #}
{% macro record_passed_build(results) %}
    {% if execute %}
        {% set failed = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list %}
        {% set missing = nodes_of_builds() | reject('in', results | map(attribute='node.unique_id') | list) | list %}
        {% if flags.WHICH == 'build' and not failed and not missing and not flags.EMPTY and not flags.SAMPLE %}
            {% do stop_if_overtaken() %}
            {% set rows = [] %}
            {% for key, node in graph.nodes.items() if node.resource_type == 'model' and node.access == 'public' %}
                {% for table in stored_tables(key) %}{% do rows.append("('" ~ invocation_id ~ "', '" ~ node.alias ~ "', '" ~ table ~ "')") %}{% endfor %}
            {% endfor %}
    insert into {{ passed_builds() }}
    select build_id, public_table, stored_table from (values {{ rows | join(', ') }}) as passed (build_id, public_table, stored_table)
        {% elif flags.WHICH == 'test' and failed %}
    delete from {{ passed_builds() }} where true
        {% endif %}
    {% endif %}
{% endmacro %}


{# The unique ids of what a whole build runs. #}
{% macro nodes_of_builds() %}
    {% set found = [] %}
    {% for key, node in graph.nodes.items() if node.resource_type in ('model', 'seed', 'snapshot', 'test') and node.config.materialized != 'ephemeral' %}
        {% do found.append(key) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{# The tables that a model's rows are stored in: itself, or what a view reads, and so on. #}
{% macro stored_tables(unique_id) %}
    {% set node, found = graph.nodes[unique_id], [] %}
    {% if node.resource_type != 'model' or node.config.materialized not in ('view', 'ephemeral') %}{{ return([node.alias]) }}{% endif %}
    {% for parent in node.depends_on.nodes %}
        {% for table in stored_tables(parent) if table not in found %}{% do found.append(table) %}{% endfor %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}
