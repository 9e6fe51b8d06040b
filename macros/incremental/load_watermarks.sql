{#
    A load is one reading of new landings by staging, numbered from 1. Each incremental model records the last load
    that it has taken in, in the same transaction as its rows; what came with later loads is what it reads next. Tests record
    theirs, too (macros/checks/untested.sql).
#}
{% macro load_watermarks() %}
    {{- return(api.Relation.create(database=target.database, schema=target.schema, identifier='load_watermarks', type='table')) -}}
{% endmacro %}


{% macro create_load_watermarks() %}
    {{ create_bookkeeping_table(load_watermarks(), {'model': 'varchar', 'load_id': 'bigint', 'reference_data': 'varchar'}) }}
{% endmacro %}


{# Post-hook of every incremental model. With --empty nothing has been taken in. #}
{% macro record_load() %}
    {% if execute and not flags.EMPTY %}
    {% do stop_if_overtaken() %}
    insert into {{ load_watermarks() }}
    {% if this.identifier == 'stg_ticket_updates__lines' %}
    select '{{ this.identifier }}', {{ next_load() }}, {{ reference_data_fingerprint() }}
    {% else %}
    select '{{ this.identifier }}', max(load_id), null from {{ load_watermarks() }} where model = 'stg_ticket_updates__lines'
    {% endif %}
    {% endif %}
{% endmacro %}


{# The number of the load that staging is about to make. #}
{% macro next_load() %}
    {{ return(last_load() + 1) }}
{% endmacro %}


{# The last load that this model has taken in; 0 for none. #}
{% macro last_load() %}
    {{ return(last_recorded_load(this.identifier)) }}
{% endmacro %}


{# The last load recorded for a model or a test; 0 for none. #}
{% macro last_recorded_load(name) %}
    {% if not execute or load_relation(load_watermarks()) is none %}{{ return(0) }}{% endif %}
    {% set found = run_query("select coalesce(max(load_id), 0) from " ~ load_watermarks() ~ " where model = '" ~ name ~ "'") %}
    {{ return(found.columns[0].values()[0] | int) }}
{% endmacro %}
