{#
    Pre-hook of every seed: does its file have the columns, types and keys (`meta.key`) that _seeds.yml describes? As a hook it comes before all
    that reads the seed, unit tests included, and the table that was there before stays.
#}
{% macro check_seed_file() %}
    {% if execute %}
        {% set file = load_agate_table() %}
        {% set found = file.column_names | map('lower') | list %}
        {% set missing = model.columns.keys() | reject('in', found) | list %}
        {% if missing %}
            {% do exceptions.raise_compiler_error(
                model.original_file_path ~ ": the first line must name the columns " ~ model.columns.keys() | join(', ')
                ~ ", with commas between them. Missing: " ~ missing | join(', ') ~ ". Found: " ~ file.column_names | join(', ') ~ "."
            ) %}
        {% endif %}

        {% set forms = {
            'boolean': ['(?i)true|false', 'true or false'],
            'date': ['\\d{4}-\\d\\d-\\d\\d', 'a date such as 2026-12-31'],
            'double': ['-?\\d+(\\.\\d+)?', 'a number such as 90 or 7.5'],
            'integer': ['-?\\d+', 'a whole number'],
        } %}
        {% set key_columns = config.get('meta').get('key') %}
        {% set lines = {} %}
        {% set problems = [] %}
        {% for row in file.rows %}
            {% set line = loop.index + 1 %}
            {% set key = [] %}
            {% for name, column in model.columns.items() %}
                {% set value = row[found.index(name)] %}
                {% set pattern, form = forms.get(column.data_type, ['(?s).*', 'text']) %}
                {% if name in key_columns %}
                    {% do key.append(value) %}
                {% endif %}
                {% if value is none and name in key_columns %}
                    {% do problems.append("line " ~ line ~ ": " ~ name ~ " is blank. Fill it in, or delete the row.") %}
                {% elif value is not none and not modules.re.fullmatch(pattern, value) %}
                    {% do problems.append("line " ~ line ~ ": " ~ name ~ " is '" ~ value ~ "'. Write " ~ form ~ ".") %}
                {% endif %}
            {% endfor %}
            {% set key = key | join(', ') %}
            {% if key in lines %}
                {% do problems.append("line " ~ line ~ ": " ~ key ~ " stands in line " ~ lines[key] ~ " already. Keep one row.") %}
            {% else %}
                {% do lines.update({key: line}) %}
            {% endif %}
        {% endfor %}
        {{ raise_problems(problems, model.original_file_path ~ ', ') }}
    {% endif %}
{% endmacro %}


{#
    Around the query of a singular test on what seeds say, which has two columns: `seed`, and `problem`, a sentence that names the row and one
    that says what to do. Models would trip over such rows with an error that does not lead back to the seed.
#}
{% macro refuse_seeds() %}
    {%- set query = caller() -%}
    {%- if execute and flags.WHICH in ['build', 'test'] -%}
        {{- raise_problems(
            run_query("select 'seeds/' || seed || '.csv: ' || problem from (" ~ query ~ ") as found order by 1").columns[0].values() | list
        ) -}}
    {%- endif -%}
    {{ query }}
{%- endmacro %}


{# Ends the run with the first twenty of these problems, if there are any. #}
{% macro raise_problems(problems, prefix='') %}
    {%- if problems -%}
        {%- set more = ['and ' ~ (problems | length - 20) ~ ' more'] if problems | length > 20 else [] -%}
        {%- do exceptions.raise_compiler_error(prefix ~ (problems[:20] + more) | join('\n' ~ prefix)) -%}
    {%- endif -%}
{% endmacro %}
