{#
    Incremental strategy `replace`: what the model's new rows stand in for is deleted, then they are inserted. A plain
    delete+insert by key would leave behind rows that are no longer there, such as a reply clock that a late line undid.
    `meta.replaces` says what that is: `landings`, `loaded_days`, `changed_tickets` or `days`.
#}
{% macro get_incremental_replace_sql(arguments) %}
    {%- set target = arguments['target_relation'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ target }} where {{ replaced_rows() }};

    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{% endmacro %}


{% macro replaced_rows() %}
    {%- set replaces = config.get('meta').get('replaces') -%}
    {%- if replaces == 'landings' -%}
        landed_on >= cast('{{ first_unread_day(config.get("meta").get("feed")) }}' as date)
    {%- elif replaces == 'loaded_days' -%}
        landed_on >= cast('{{ first_loaded_day() }}' as date)
    {%- elif replaces == 'changed_tickets' -%}
        ticket_key in ({{ changed_tickets() }})
    {%- elif replaces == 'days' -%}
        day >= cast('{{ first_changed_day() }}' as date)
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            this.identifier ~ ": meta.replaces must be landings, loaded_days, changed_tickets or days, not " ~ replaces
        ) -%}
    {%- endif -%}
{% endmacro %}
