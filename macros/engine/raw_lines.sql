{#
    The raw zone: <lake>/raw/<feed>/dt=YYYY-MM-DD/*.jsonl[.gz]. These predicates look at nothing but the path, so that
    files that they leave out are never opened.
#}
{% macro is_landing() %}{{ return(adapter.dispatch('is_landing')()) }}{% endmacro %}
{% macro duckdb__is_landing() -%}
    regexp_matches(dt, '^\d{4}-\d{2}-\d{2}$')
    and try_cast(dt as date) is not null
    and regexp_matches(filename, '/[^/_.][^/]*\.jsonl(\.gz)?$')
{%- endmacro %}
{# Partition projection lets in no other folders, but those below them. #}
{% macro athena__is_landing() -%} regexp_like("$path", '/dt=[^/]*/[^/_.][^/]*\.jsonl(\.gz)?$') {%- endmacro %}


{# The path below raw/. #}
{% macro landed_file(feed) %}{{ return(adapter.dispatch('landed_file')(feed)) }}{% endmacro %}
{% macro duckdb__landed_file(feed) -%}
    '{{ feed }}/dt=' || dt || '/' || regexp_extract(filename, '[^/]+$')
{%- endmacro %}
{% macro athena__landed_file(feed) -%}
    '{{ feed }}/dt=' || dt || '/' || regexp_extract("$path", '[^/]+$')
{%- endmacro %}


{# The paths below raw/ of all that has landed, without opening a file. #}
{% macro list_landings(feed) %}{{ return(adapter.dispatch('list_landings')(feed)) }}{% endmacro %}
{% macro duckdb__list_landings(feed) %}
    select landed_on, landed_file
    from (
        select
            file as filename,
            regexp_extract(file, '/dt=([^/]*)/[^/]*$', 1) as dt
        from glob('{{ env_var("LAKE", "lake") }}/raw/{{ feed }}/dt=*/*.jsonl*')
    ),
    lateral (select try_cast(dt as date) as landed_on, {{ landed_file(feed) }} as landed_file)
    where {{ is_landing() }}
{% endmacro %}
{% macro athena__list_landings(feed) %}
    select distinct cast(dt as date) as landed_on, {{ landed_file(feed) }} as landed_file
    from {{ source('raw', feed) }}
    where {{ is_landing() }}
{% endmacro %}


{# The reader cuts a line at four control characters in a row, which no JSON has: such a line is refused. #}
{% macro is_whole_line() %}{{ return(adapter.dispatch('is_whole_line')()) }}{% endmacro %}
{% macro duckdb__is_whole_line() -%} rest is null {%- endmacro %}
{% macro athena__is_whole_line() -%} true {%- endmacro %}


{# The first landed day of these files, paths below raw/, that have a line to count; none if they have none. #}
{% macro first_day_with_a_line(feed, files) %}{{ return(adapter.dispatch('first_day_with_a_line')(feed, files)) }}{% endmacro %}
{% macro duckdb__first_day_with_a_line(feed, files) %}
    {% set read = run_query(
        "select cast(min(dt) as varchar) from " ~ source('raw', feed) ~ "
        where " ~ is_landing() ~ "
        and " ~ landed_file(feed) ~ " in ('" ~ (files | map('replace', "'", "''") | join("', '")) ~ "')
        and not " ~ is_blank('line')
    ) %}
    {% set unreadable = run_query("select min(dt) from (" ~ duckdb__unreadable_lines() ~ ") as unreadable") %}
    {{ return([read.columns[0].values()[0], unreadable.columns[0].values()[0]] | select | min | default(none, true)) }}
{% endmacro %}


{% macro athena__first_day_with_a_line(feed, files) %}
    {% set read = run_query(
        "select min(dt) from " ~ source('raw', feed) ~ "
        where " ~ landed_file(feed) ~ " in ('" ~ (files | map('replace', "'", "''") | join("', '")) ~ "')
        and not " ~ is_blank('line')
    ) %}
    {{ return(read.columns[0].values()[0]) }}
{% endmacro %}


{#
    Post-hook of staging: lines that the reader could not hand over, bytes that are not UTF-8 or more than 32 MiB, land in
    quarantine, too. Unreadable bytes stand there as question marks.
#}
{% macro quarantine_unreadable_lines(feed) %}{{ return(adapter.dispatch('quarantine_unreadable_lines')(feed)) }}{% endmacro %}
{% macro duckdb__quarantine_unreadable_lines(feed) %}
    {% if execute %}
    insert into {{ this }} (landed_on, file, reason, line, load_id)
    select
        cast(dt as date),
        {{ landed_file(feed) }},
        'not_json',
        line,
        {{ next_load() }}
    from ({{ duckdb__unreadable_lines() }}) as unreadable
    {% endif %}
{% endmacro %}

{# Athena hands over every line, with what is not UTF-8 replaced. #}
{% macro athena__quarantine_unreadable_lines(feed) %}{% endmacro %}

{# What DuckDB's last scan of raw lines rejected; it keeps that in temporary tables of the session. #}
{% macro duckdb__unreadable_lines() %}
    {% if run_query("select 1 from duckdb_tables() where temporary and table_name = 'reject_scans'").rows | length == 0 %}
    select null as filename, null as dt, null as line where false
    {% else %}
    select
        scans.file_path as filename,
        regexp_extract(scans.file_path, '/dt=([^/]*)/[^/]*$', 1) as dt,
        min(trim(errors.csv_line, E'\r\n')) as line
    from reject_errors as errors
    inner join reject_scans as scans on errors.scan_id = scans.scan_id and errors.file_id = scans.file_id
    where scans.scan_id = (select max(scan_id) from reject_scans)
    group by scans.file_path, errors.line
    {% endif %}
{% endmacro %}
