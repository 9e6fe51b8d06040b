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


{# What has landed of a feed. DuckDB's reader fails where there is no file, which is no fault of an optional feed. #}
{% macro raw_lines(feed) %}{{ return(adapter.dispatch('raw_lines')(feed)) }}{% endmacro %}
{% macro duckdb__raw_lines(feed) -%}
    {%- set raw = source('raw', feed) -%}
    {{- raw if has_landed(feed) else "(select '' as line, '' as rest, '' as filename, '' as dt where false)" -}}
{%- endmacro %}
{% macro athena__raw_lines(feed) -%} {{ source('raw', feed) }} {%- endmacro %}


{# The path below raw/. #}
{% macro landed_file(feed) %}{{ return(adapter.dispatch('landed_file')(feed)) }}{% endmacro %}
{% macro duckdb__landed_file(feed) -%}
    '{{ feed }}/dt=' || dt || '/' || regexp_extract(filename, '[^/]+$')
{%- endmacro %}
{% macro athena__landed_file(feed) -%}
    '{{ feed }}/dt=' || dt || '/' || regexp_extract("$path", '[^/]+$')
{%- endmacro %}


{# A query with a row if anything has landed. #}
{% macro any_landing(feed) %}{{ return(adapter.dispatch('any_landing')(feed)) }}{% endmacro %}
{% macro duckdb__any_landing(feed) -%} select 1 from ({{ duckdb__list_landings(feed) }}) limit 1 {%- endmacro %}
{% macro athena__any_landing(feed) -%} select 1 from {{ source('raw', feed) }} where {{ is_landing() }} limit 1 {%- endmacro %}


{# Where landings of a feed were looked for, and how to get some there. #}
{% macro no_landings(feed) %}{{ return(adapter.dispatch('no_landings')(feed)) }}{% endmacro %}
{% macro duckdb__no_landings(feed) %}
    {% set lake = env_var('LAKE', 'lake') %}
    {{ return(
        lake ~ "/raw/" ~ feed ~ "/dt=YYYY-MM-DD/ holds no *.jsonl or *.jsonl.gz file. "
        ~ "Set LAKE to the folder that holds raw/, or land generated tickets there with `python -m generator generate --output " ~ lake ~ "/raw`."
    ) }}
{% endmacro %}
{% macro athena__no_landings(feed) %}
    {{ return(
        adapter.get_glue_table_location(source('raw', feed)) ~ "dt=YYYY-MM-DD/ holds no *.jsonl or *.jsonl.gz file of a day from the stack's FirstDay on. "
        ~ "Upload those that LAKE holds: make upload"
    ) }}
{% endmacro %}


{# A query of the last landed day, for freshness. On Athena it looks at the last 30 days only: each file that it finds is read. #}
{% macro last_landing(feed) %}{{ return(adapter.dispatch('last_landing')(feed)) }}{% endmacro %}
{% macro duckdb__last_landing(feed) -%} select max(cast(landed_on as timestamp(6))) from ({{ duckdb__list_landings(feed) }}) {%- endmacro %}
{% macro athena__last_landing(feed) -%}
    select cast(cast(max(dt) as date) as timestamp(6))
    from {{ source('raw', feed) }}
    where {{ is_landing() }} and dt >= cast(current_date - interval '30' day as varchar)
{%- endmacro %}


{# The paths below raw/ of all that has landed, without opening a file. #}
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


{# The reader cuts a line at four control characters in a row, which no JSON has: such a line is refused. #}
{% macro is_whole_line() %}{{ return(adapter.dispatch('is_whole_line')()) }}{% endmacro %}
{% macro duckdb__is_whole_line() -%} rest is null {%- endmacro %}
{% macro athena__is_whole_line() -%} true {%- endmacro %}


{#
    The first landed day, as text, of the files that have a line to count and are not in the column `file` of a table; none if there is none. Files
    that are there are not opened.
#}
{% macro first_new_landing(feed, table) %}{{ return(adapter.dispatch('first_new_landing')(feed, table)) }}{% endmacro %}
{% macro duckdb__first_new_landing(feed, table) %}
    {% set files = run_query(
        "select landed_file from (" ~ duckdb__list_landings(feed) ~ ") where landed_file not in (select distinct file from " ~ table ~ ")"
    ).columns[0].values() %}
    {% if not files %}{{ return(none) }}{% endif %}
    {% set read = run_query(
        "select cast(min(dt) as varchar) from " ~ source('raw', feed) ~ "
        where " ~ is_landing() ~ "
        and " ~ landed_file(feed) ~ " in ('" ~ (files | map('replace', "'", "''") | join("', '")) ~ "')
        and not " ~ is_blank('line')
    ) %}
    {% set unreadable = run_query("select min(dt) from (" ~ duckdb__unreadable_lines(feed) ~ ") as unreadable") %}
    {{ return([read.columns[0].values()[0], unreadable.columns[0].values()[0]] | select | min | default(none, true)) }}
{% endmacro %}

{# Athena leaves out files by "$path" if it is compared with literals, of which it keeps a thousand apart: so one query for each 500 files. #}
{% macro athena__first_new_landing(feed, table) %}
    {% set known = run_query("select distinct file from " ~ table ~ " order by file").columns[0].values() | list %}
    {% set raw = adapter.get_glue_table_location(source('raw', feed)).rstrip('/')[:-(feed | length)] %}
    {% set found = [] %}
    {% for start in range(0, known | length + 1, 500) %}
        {% set part = known[start:start + 500] %}
        {% set after, up_to = known[start - 1] if start else none, part[-1] if start + 500 < known | length else none %}
        {% do found.append(run_query(
            "select min(dt) from " ~ source('raw', feed) ~ "
            where " ~ is_landing() ~ " and not " ~ is_blank('line')
            ~ (" and \"$path\" not in ('" ~ raw ~ part | map('replace', "'", "''") | join("', '" ~ raw) ~ "')" if part else '')
            ~ (" and \"$path\" > '" ~ raw ~ after | replace("'", "''") ~ "' and dt >= '" ~ landed_day(after) ~ "'" if after else '')
            ~ (" and \"$path\" <= '" ~ raw ~ up_to | replace("'", "''") ~ "' and dt <= '" ~ landed_day(up_to) ~ "'" if up_to else '')
        ).columns[0].values()[0]) %}
    {% endfor %}
    {{ return(found | select | min | default(none, true)) }}
{% endmacro %}

{# The day of a path below raw/. #}
{% macro landed_day(file) %}{{ return(file.split('/dt=')[1].split('/')[0]) }}{% endmacro %}


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
    from ({{ duckdb__unreadable_lines(feed) }}) as unreadable
    {% endif %}
{% endmacro %}

{# Athena hands over every line, with what is not UTF-8 replaced. #}
{% macro athena__quarantine_unreadable_lines(feed) %}{% endmacro %}

{# What DuckDB's last scan of a feed's raw lines rejected; it keeps that in temporary tables of the session. #}
{% macro duckdb__unreadable_lines(feed) %}
    {% set is_of_feed = "contains(file_path, '/raw/" ~ feed ~ "/dt=')" %}
    {% if run_query("select 1 from duckdb_tables() where temporary and table_name = 'reject_scans'").rows | length == 0 %}
    select null as filename, null as dt, null as line where false
    {% else %}
    select
        scans.file_path as filename,
        regexp_extract(scans.file_path, '/dt=([^/]*)/[^/]*$', 1) as dt,
        min(trim(errors.csv_line, E'\r\n')) as line
    from reject_errors as errors
    inner join reject_scans as scans on errors.scan_id = scans.scan_id and errors.file_id = scans.file_id
    where scans.scan_id = (select max(scan_id) from reject_scans where {{ is_of_feed }})
    group by scans.file_path, errors.line
    {% endif %}
{% endmacro %}
