{#
    Incremental strategy `replace`: what the model's new rows stand in for is deleted, then they are inserted. A plain
    delete+insert by key would leave behind rows that are no longer there, such as a reply clock that a late line undid.
    `meta.replaces` says what that is: `days_read` (of staging, from the first landed day that it read on), `landed_days` (of each feed, from the first of
    those days on), `read_records` (those, and the identities that were read), `loads` (those not taken in yet), `changed_tickets`, `changed_months`, `days`
    (from the first changed one on) or `changed_dates` (those of which lines tell).
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
        {%- for feed in own_feeds() %}
        (feed = '{{ feed }}' and {{ is_on_changed_landing(feed) }}) {{- ' or ' if not loop.last }}
        {%- endfor -%}
    {%- elif replaces == 'read_records' -%}
        {{ is_on_changed_landing(own_feeds()[0]) }}
        or {{ is_changed_record(own_feeds()[0]) }}
    {%- elif replaces == 'changed_tickets' -%}
        {%- set opened_at = config.get('meta').get('opened_at') -%}
        ticket_key in ({{ changed_tickets() }}) {{- ' and ' ~ in_months(opened_at, changed_months()) if opened_at }}
    {%- elif replaces == 'changed_months' -%}
        {{ in_months('opened_month', changed_months()) }}
    {%- elif replaces == 'loads' -%}
        load_id > {{ last_load() }}
    {%- elif replaces == 'days' -%}
        day >= cast('{{ first_changed_day() }}' as date)
    {%- elif replaces == 'changed_dates' -%}
        {{ in_changed_dates(config.get('meta').get('dates').column) }}
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            this.identifier ~ ": meta.replaces must be days_read, landed_days, read_records, loads, changed_tickets, changed_months, days or changed_dates, not " ~ replaces
        ) -%}
    {%- endif -%}
{% endmacro %}


{# Whether a row landed on a day of a feed that was read with a load that this model has not taken in: on any, if it computes all. #}
{% macro is_on_changed_landing(feed) %}
    {%- set lines = ref(staged_lines(feed)) -%}
    {{- "landed_on >= cast('" ~ first_landed_day(lines, last_load(feed)) ~ "' as date)" if execute and is_incremental() else 'true' -}}
{% endmacro %}


{# The first landed day of lines, of those of later loads than this one if it is given; if there are none, a day after all. A literal, so that no older file is read. #}
{% macro first_landed_day(lines, load=none) %}
    {{ return(looked_up(
        "select coalesce(cast(min(landed_on) as varchar), '9999-12-31') from " ~ lines ~ (" where load_id > " ~ load if load is not none else '')
    )[0]) }}
{% endmacro %}
