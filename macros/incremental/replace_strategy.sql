{#
    Incremental strategy `replace`: what the model's new rows stand in for is deleted, then they are inserted. A plain
    delete+insert by key would leave behind rows that are no longer there, such as a reply clock that a late line undid.
    `meta.replaces` says what that is: `days_read` (of staging, from the first landed day that it read on), `landed_days` (from
    the first of those days on), `read_updates` (those, and the identities that were read), `loads` (those not taken in yet),
    `changed_tickets` or `days` (from the first changed one on).
#}
{% macro get_incremental_replace_sql(arguments) %}
    {%- set target = arguments['target_relation'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }} where {{ replaced_rows(arguments['temp_relation']) }};

    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{% endmacro %}


{% macro replaced_rows(new_rows) %}
    {%- do stop_if_overtaken() -%}
    {%- set replaces = config.get('meta').get('replaces') -%}
    {%- if replaces == 'days_read' -%}
        landed_on >= (select min(landed_on) from {{ new_rows }})
    {%- elif replaces == 'landed_days' -%}
        landed_on >= (select min(landed_on) from {{ ref('stg_ticket_updates__lines') }} where load_id > {{ last_load() }})
    {%- elif replaces == 'read_updates' -%}
        landed_on >= (select min(landed_on) from {{ ref('stg_ticket_updates__lines') }} where load_id > {{ last_load() }})
        or (source, update_id) in ({{ changed_updates() }})
    {%- elif replaces == 'changed_tickets' -%}
        ticket_key in ({{ changed_tickets() }})
    {%- elif replaces == 'loads' -%}
        load_id > {{ last_load() }}
    {%- elif replaces == 'days' -%}
        day >= cast('{{ first_changed_day() }}' as date)
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            this.identifier ~ ": meta.replaces must be days_read, landed_days, read_updates, loads, changed_tickets or days, not " ~ replaces
        ) -%}
    {%- endif -%}
{% endmacro %}
