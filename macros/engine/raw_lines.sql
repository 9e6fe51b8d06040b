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


{# The path below raw/. #}
{% macro landed_file(feed) %}{{ return(adapter.dispatch('landed_file')(feed)) }}{% endmacro %}
{% macro duckdb__landed_file(feed) -%}
    '{{ feed }}/dt=' || dt || '/' || regexp_extract(filename, '[^/]+$')
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


{# The reader cuts a line at four control characters in a row, which no JSON has: such a line is refused. #}
{% macro is_whole_line() %}{{ return(adapter.dispatch('is_whole_line')()) }}{% endmacro %}
{% macro duckdb__is_whole_line() -%} rest is null {%- endmacro %}
