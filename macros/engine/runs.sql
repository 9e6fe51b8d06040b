{#
    Athena lets two runs write the same tables at once: both would delete the rows that they replace, and both insert theirs. So each run that builds signs
    in, and one that finds a later one signed in stops before it writes more; the later one does the work of both. A run that was killed is so in
    nobody's way, as it would be with a lock that it left behind. DuckDB lets in one process at a time.
#}
{% macro create_runs() %}{{ return(adapter.dispatch('create_runs')()) }}{% endmacro %}
{% macro duckdb__create_runs() %}{% endmacro %}
{% macro athena__create_runs() %}
    {{ create_bookkeeping_table(athena__runs(), {'run_no': 'bigint', 'invocation_id': 'varchar'}) }}
{% endmacro %}


{% macro sign_in() %}{{ return(adapter.dispatch('sign_in')()) }}{% endmacro %}
{% macro duckdb__sign_in() %}{% endmacro %}
{% macro athena__sign_in() %}
    {% if execute and athena__is_signed_in() %}
    insert into {{ athena__runs() }}
    select coalesce(max(run_no), 0) + 1, '{{ invocation_id }}' from {{ athena__runs() }}
    {% endif %}
{% endmacro %}


{# Ends the run if a later one has signed in. #}
{% macro stop_if_overtaken() %}{{ return(adapter.dispatch('stop_if_overtaken')()) }}{% endmacro %}
{% macro duckdb__stop_if_overtaken() %}{% endmacro %}
{% macro athena__stop_if_overtaken() %}
    {% if execute and athena__is_signed_in() %}
        {% set latest = run_query("select invocation_id from " ~ athena__runs() ~ " order by run_no desc, invocation_id desc limit 1").columns[0].values()[0] %}
        {% if latest != invocation_id %}
            {% do exceptions.raise_compiler_error(
                "Another run, " ~ latest ~ ", began on " ~ target.schema ~ " while this one, " ~ invocation_id ~ ", was going on. This one stops, since both "
                ~ "would write the same rows; the other does the work of both. Wait for its end. If it failed, run dbt build again."
            ) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro athena__runs() %}
    {{- return(table_named('runs')) -}}
{% endmacro %}

{# Tests, documentation and questions write no rows that another run could write. #}
{% macro athena__is_signed_in() %}{{ return(flags.WHICH in ('build', 'run', 'retry', 'seed', 'snapshot')) }}{% endmacro %}
