{#
    The first landed day that staging has to read, none for all: the day of the first file that is not in staging yet. All days after it are
    read again, too, so that lines are compared with those that landed before them even if files arrive out of order. All
    of it is read again when the reference data that lines are checked against or measured with has changed, when no load has been recorded, and when
    an older version of this project read it, which did not know a field.
#}
{% macro first_unread_day(feed) %}
    {% if not execute %}{{ return(none) }}{% endif %}
    {% if not is_incremental() %}
        {% if not feeds()[feed].is_optional %}{% do require_landings(feed) %}{% endif %}
        {{ return(none) }}
    {% endif %}
    {% set known = adapter.get_columns_in_relation(this) | map(attribute='name') | list %}
    {% if not last_load(feed) or reference_data_has_changed() or record_columns(feed) | reject('in', known) | list %}{{ return('0001-01-01') }}{% endif %}
    {# Files without a line to count are never in staging: they must not make it read again what is. #}
    {{ return(first_new_landing(feed, this) or '9999-12-31') }}
{% endmacro %}


{% macro require_landings(feed) %}
    {% if not has_landed(feed) %}
        {% do exceptions.raise_compiler_error("No landings: " ~ no_landings(feed)) %}
    {% endif %}
{% endmacro %}


{# Whether there is anything to read of a feed. Only runs that read ask: others want the query as it stands. #}
{% macro has_landed(feed) %}
    {{ return(not execute or flags.WHICH not in ('build', 'run', 'retry', 'show') or run_query(any_landing(feed)).rows | length > 0) }}
{% endmacro %}


{# The lines that landed from first_day on (none: all of them), with where they did. #}
{% macro landed_lines(feed, first_day) -%}
    (
        select
            cast(dt as date) as landed_on,
            {{ landed_file(feed) }} as file,
            line,
            {{ is_whole_line() }} as is_whole
        from {{ raw_lines(feed) }}
        where
            {{ is_landing() }}
            {%- if first_day %}
            and dt >= '{{ first_day }}'
            {%- endif %}
    )
{%- endmacro %}


{#
    Post-hook of staging: of different lines of one file that share an identity the lowest text is the update, so these get theirs. All others are
    done with it, and a column of a million texts costs more than the rest of the model.
#}
{% macro keep_contested_lines(feed) %}
    {% if execute %}
    {% set identity = text_hash("file || chr(10) || " ~ feeds()[feed].identity | join(" || ':' || ")) %}
    {% set read_now = "load_id = " ~ next_load() ~ " and reason is null" %}
    {% set contested = "select distinct landed_on, file, line_hash from " ~ this ~ "
        where " ~ read_now ~ " and " ~ identity ~ " in (
            select " ~ identity ~ " from " ~ this ~ " where " ~ read_now ~ " group by 1 having min(line_hash) <> max(line_hash)
        )"
    %}
    {% set first_day = run_query("select cast(min(landed_on) as varchar) from (" ~ contested ~ ") as contested").columns[0].values()[0] %}
    {% if first_day %}
    merge into {{ this }} as stored
    using (
        select contested.file, contested.line_hash, min(landed.line) as line
        from ({{ contested }}) as contested
        inner join {{ landed_lines(feed, first_day) }} as landed
            on contested.file = landed.file and contested.line_hash = {{ text_hash('landed.line') }}
        group by contested.file, contested.line_hash
    ) as contested
    on stored.load_id = {{ next_load() }} and stored.reason is null and stored.file = contested.file and stored.line_hash = contested.line_hash
    when matched then update set line = contested.line
    {% endif %}
    {% endif %}
{% endmacro %}
