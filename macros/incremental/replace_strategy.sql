{#
    Incremental strategy `replace`: what the model's new rows stand in for is deleted, then they are inserted. A plain
    delete+insert by key would leave behind rows that are no longer there, such as a reply clock that a late line undid.
    `meta.replaces` says what that is: `days_read` (of staging, from the first landed day that it read on), `landed_days` (from
    the first of those days on), `read_updates` (those, and the identities that were read), `loads` (those not taken in yet),
    `changed_tickets`, `changed_months` or `days` (from the first changed one on).
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
        landed_on >= cast('{{ first_landed_day(new_rows) }}' as date)
    {%- elif replaces == 'landed_days' -%}
        landed_on >= cast('{{ first_landed_day(ref('stg_ticket_updates__lines'), last_load()) }}' as date)
    {%- elif replaces == 'read_updates' -%}
        landed_on >= cast('{{ first_landed_day(ref('stg_ticket_updates__lines'), last_load()) }}' as date)
        or (source, update_id) in ({{ changed_updates() }})
    {%- elif replaces == 'changed_tickets' -%}
        ticket_key in ({{ changed_tickets() }}) and {{ in_months(config.get('meta').get('opened_at'), changed_months()) }}
    {%- elif replaces == 'changed_months' -%}
        {{ in_months('opened_month', changed_months()) }}
    {%- elif replaces == 'loads' -%}
        load_id > {{ last_load() }}
    {%- elif replaces == 'days' -%}
        day >= cast('{{ first_changed_day() }}' as date)
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            this.identifier ~ ": meta.replaces must be days_read, landed_days, read_updates, loads, changed_tickets, changed_months or days, not " ~ replaces
        ) -%}
    {%- endif -%}
{% endmacro %}


{# The first landed day of lines, of those of later loads than this one if it is given; if there are none, a day after all. A literal, so that no older file is read. #}
{% macro first_landed_day(lines, load=none) %}
    {{ return(looked_up(
        "select coalesce(cast(min(landed_on) as varchar), '9999-12-31') from " ~ lines ~ (" where load_id > " ~ load if load is not none else '')
    )[0]) }}
{% endmacro %}
