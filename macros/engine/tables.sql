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
    One `merge` deletes what the new rows stand in for and inserts them. Between two statements a run could be killed while Athena goes on with its insert,
    and the next run's delete would come too early for those rows; of two merges that touch the same rows, Iceberg lets only the first commit. The source
    has one row more, which is no row of the table: the stored rows that are to be replaced meet that one.
#}
{% macro incremental_insert(on_schema_change, tmp_relation, target_relation, existing_relation, force_batch, statement_name="main") %}
    {%- do process_schema_changes(on_schema_change, tmp_relation, existing_relation) -%}
    {%- set columns = adapter.get_columns_in_relation(target_relation) | map(attribute='name') | list -%}
    {%- set replaced = replaced_rows(tmp_relation) -%}
    {%- set merge -%}
    merge into {{ target_relation }}
    using (
        select {% for column in columns %}{{ column }} as new_{{ column }}, {% endfor %}false as replaces_rows from {{ tmp_relation }}
        union all
        select {% for column in columns %}null as new_{{ column }}, {% endfor %}true as replaces_rows
    ) as new_rows
    on new_rows.replaces_rows and ({{ replaced }})
    when matched then delete
    when not matched and not new_rows.replaces_rows then insert ({{ columns | join(', ') }})
        values ({% for column in columns %}new_rows.new_{{ column }}{{ ', ' if not loop.last }}{% endfor %})
    {%- endset -%}
    {%- set merged = adapter.run_query_with_partitions_limit_catching(merge) -%}
    {%- if merged == 'TOO_MANY_OPEN_PARTITIONS' -%}
        {%- do run_query("delete from " ~ target_relation ~ " where " ~ replaced) -%}
        {%- do batch_incremental_insert(tmp_relation, target_relation, columns | join(', ')) -%}
    {%- endif -%}
    select '{{ merged }}'
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
