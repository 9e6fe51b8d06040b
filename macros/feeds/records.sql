{# Lines that share an identity tell of one thing: the first that landed is the record of it, by day, then file, then text. #}


{# The columns that a record has of its line. #}
{% macro record_columns(feed) %}
    {{ return(feeds()[feed].fields | list + feeds()[feed].get('results', {}) | list + feeds()[feed].adds + ['landed_on', 'file', 'load_id']) }}
{% endmacro %}


{#
    The records of which more than one line landed. All others stand in their one line, so that nothing need be stored twice. `months` are those, by
    `moment`, in which such lines can be; none for all.
#}
{% macro first_of_repeated_lines(feed, moment=none, months=none) -%}
    {%- set lines, identity = ref(staged_lines(feed)), feeds()[feed].identity -%}
    with

    repeated as (

        select {{ identity | join(', ') }}
        from {{ lines }}
        where
            reason is null
            and {{ is_changed_record(feed) }}
            {%- if moment %}
            and {{ in_months(moment, months) }}
            {%- endif %}
        group by {{ identity | join(', ') }}
        having count(*) > 1

    ),

    ranked as (

        select
            lines.*,
            row_number() over (
                partition by lines.{{ identity | join(', lines.') }}
                order by lines.landed_on, lines.file, lines.line
            ) as landing_rank
        from {{ lines }} as lines
        inner join repeated
            on {{ equal_columns('lines', 'repeated', identity) }}
        where
            lines.reason is null
            {%- if moment %}
            and {{ in_months('lines.' ~ moment, months) }}
            {%- endif %}

    )

    select
        {{ record_columns(feed) | join(',\n        ') }}
    from ranked
    where landing_rank = 1
{%- endmacro %}


{# A query of the records of a feed, each once. #}
{% macro each_record_once(feed) -%}
    {%- set columns, repeated = record_columns(feed), ref(feeds()[feed].repeated) -%}
    select
        lines.{{ columns | join(',\n        lines.') }}
    from {{ ref(staged_lines(feed)) }} as lines
    where
        lines.reason is null
        and not exists (
            select 1
            from {{ repeated }} as repeated
            where {{ equal_columns('lines', 'repeated', feeds()[feed].identity) }}
        )

    union all

    select
        {{ columns | join(',\n        ') }}
    from {{ repeated }}
{%- endmacro %}


{# Whether two relations have the same in some columns. #}
{% macro equal_columns(one, other, columns) -%}
    {%- for column in columns -%}
    {{ one }}.{{ column }} = {{ other }}.{{ column }} {{- ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}


{# The identities that accepted lines of later loads than this one have. #}
{% macro records_since(feed, load, lines) -%}
    select {{ feeds()[feed].identity | join(', ') }}
    from {{ lines }}
    where load_id > {{ load }} and reason is null
{%- endmacro %}


{# Whether a row belongs to one of those. An identity of one column is also said to lie between the first and the last of them, so that files without one are not read. #}
{% macro is_record_since(feed, load, lines) -%}
    {%- set identity, found = feeds()[feed].identity, records_since(feed, load, lines) -%}
    ({{ identity | join(', ') }}) in ({{ found }})
    {%- if identity | length == 1 and execute %}
    {%- set column = identity[0] -%}
    {%- set bounds = looked_up(
        "select min(" ~ column ~ ") as bound from (" ~ found ~ ") as records union all select max(" ~ column ~ ") from (" ~ found ~ ") as records"
    ) | select | map('replace', "'", "''") | sort(case_sensitive=true) %}
    and {{ column }} between '{{ bounds | first | default('') }}' and '{{ bounds | last | default('') }}'
    {%- endif %}
{%- endmacro %}


{# Whether a row belongs to a record that this build computes: any, if it computes all. #}
{% macro is_changed_record(feed) -%}
    {%- set lines = ref(staged_lines(feed)) -%}
    {{ '(' ~ is_record_since(feed, last_load(feed), lines) ~ ')' if is_incremental() else 'true' }}
{%- endmacro %}
