{#
    How tables are kept. On DuckDB dbt-duckdb knows; on Athena all are Iceberg tables, whose rows can be deleted and whose moments have microseconds.
    dbt-athena asks these macros by name, so they stand here without a dispatch; dbt-duckdb does not.
#}
{% macro resolve_table_type() %}{{ return('iceberg') }}{% endmacro %}


{# Partitions are Athena's. dbt takes them for a key of nobody's where the adapter has none, so they are set here. #}
{% macro partition_by_month(column) %}{{ return(adapter.dispatch('partition_by_month')(column)) }}{% endmacro %}
{% macro duckdb__partition_by_month(column) %}{% endmacro %}
{% macro athena__partition_by_month(column) %}{% do config(partitioned_by=['month(' ~ column ~ ')']) %}{% endmacro %}


{# dbt-athena knows no `replace`: it is an append that deletes first. #}
{% macro validate_get_incremental_strategy(raw_strategy, table_type) %}
    {{ return('append' if raw_strategy == 'replace' else raw_strategy) }}
{% endmacro %}


{#
    Deletes what the new rows stand in for, then inserts them, in parts if they belong to more partitions than Athena writes at once. It has no
    transaction around both: a run that is killed in between has not recorded the load, so the next one computes the same rows again.
#}
{% macro incremental_insert(on_schema_change, tmp_relation, target_relation, existing_relation, force_batch, statement_name="main") %}
    {%- do process_schema_changes(on_schema_change, tmp_relation, existing_relation) -%}
    {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='quoted') | join(', ') -%}
    {%- do run_query("delete from " ~ target_relation ~ " where " ~ replaced_rows(tmp_relation)) -%}
    {%- set inserted = adapter.run_query_with_partitions_limit_catching(
        "insert into " ~ target_relation ~ " (" ~ columns ~ ") select " ~ columns ~ " from " ~ tmp_relation
    ) -%}
    {%- if inserted == 'TOO_MANY_OPEN_PARTITIONS' -%}
        {%- do batch_incremental_insert(tmp_relation, target_relation, columns) -%}
    {%- endif -%}
    select '{{ inserted }}'
{% endmacro %}


{# The statement that makes a small table of these columns, unless it is there. #}
{% macro create_bookkeeping_table(relation, columns) %}{{ return(adapter.dispatch('create_bookkeeping_table')(relation, columns)) }}{% endmacro %}
{% macro duckdb__create_bookkeeping_table(relation, columns) %}
    create table if not exists {{ relation }} ({% for name, type in columns.items() %}{{ name }} {{ type }}{{ ', ' if not loop.last }}{% endfor %})
{% endmacro %}
{% macro athena__create_bookkeeping_table(relation, columns) %}
    create table if not exists {{ relation.render_hive() }} (
        {%- for name, type in columns.items() %}{{ name }} {{ 'string' if type == 'varchar' else type }}{{ ', ' if not loop.last }}{% endfor -%}
    )
    location '{{ target.s3_data_dir }}/{{ relation.schema }}/{{ relation.identifier }}/'
    tblproperties ('table_type' = 'ICEBERG')
{% endmacro %}
