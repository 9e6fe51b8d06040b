{#
    A subquery of the lines of a feed that are to be read, with the fields that they give, each of its type. null and blank strings are absent; of a field that is
    no text `has_<field>` says whether it was given, so that null then means that it cannot be read. A result that cannot be read is absent.
#}
{% macro typed_lines(feed) -%}
    {%- set fields, results = feeds()[feed].fields, feeds()[feed].get('results', {}) -%}
    {%- set texts, values = [], [] -%}
    {%- for field, type in fields.items() -%}{%- do (texts if type in ('text', 'timestamp') else values).append(field) -%}{%- endfor -%}
    (
        select
            landed_on,
            file,
            line,
            is_json_object
            {%- for field, type in fields.items() %},
            {% if type == 'timestamp' -%}
            {{ strict_timestamp(field) }} as {{ field }}
            {%- elif type == 'integer' -%}
            {{ strict_integer(field) }} as {{ field }}
            {%- elif type == 'number' -%}
            {{ strict_number(field) }} as {{ field }}
            {%- elif type == 'boolean' -%}
            {{ strict_boolean(field) }} as {{ field }}
            {%- else -%}
            {{ field }}
            {%- endif %}
            {%- if type != 'text' %},
            {{ field }} is not null as has_{{ field }}
            {%- endif %}
            {%- endfor %}
            {%- for field, type in results.items() %},
            {{ lenient_result(field, type) }} as {{ field }}
            {%- endfor %}
        from (
            select
                landed_on,
                file,
                line,
                fields is not null and is_strict as is_json_object
                {%- for field in texts %},
                {{ absent_if_blank('fields.' ~ field) }} as {{ field }}
                {%- endfor %}
                {%- for field in values %},
                {{ absent_if_blank_json(json_text('fields.' ~ field)) }} as {{ field }}
                {%- endfor %}
                {%- for field in results %},
                {{ json_text('fields.' ~ field) }} as {{ field }}
                {%- endfor %}
            from (
                select
                    landed_on,
                    file,
                    line,
                    {{ parse_json_object('line', texts, values + results | list) }} as fields,
                    is_whole and {{ is_strict_json_object('line') }} as is_strict
                from {{ landed_lines(feed, first_unread_day(feed)) }} as lines
                where not {{ is_blank('line') }}
            ) as parsed
        ) as given
    )
{%- endmacro %}


{# The fields in which lines of tickets give what their source has computed itself, by metric: the name without `source_`. #}
{% macro source_results() %}
    {% set by_metric = {} %}
    {% for field in feeds()['ticket_updates'].results %}{% do by_metric.update({field.removeprefix('source_'): field}) %}{% endfor %}
    {{ return(by_metric) }}
{% endmacro %}


{# What JSON text says of a result: true or false, or a number from 0 on that a ticket's life can hold; else null. #}
{% macro lenient_result(json, type) -%}
    {%- if type == 'boolean' -%}
    {{ strict_boolean(json) }}
    {%- else -%}
    {%- set number = strict_integer(json) if type == 'integer' else strict_number(json) -%}
    case when {{ number }} between 0 and 10000000000 then {{ number }} end
    {%- endif -%}
{%- endmacro %}


{#
    The branches of a `case` that say why a typed line is refused, as far as all feeds have the same reasons: no JSON object; a required field missing; a
    field that cannot be read, timestamps first. `bad` has, by field, what else makes one bad.
#}
{% macro general_reasons(feed, lines, bad={}) -%}
    {%- set fields, required = feeds()[feed].fields, feeds()[feed].required -%}
    when not {{ lines }}.is_json_object then 'not_json'
    {%- for field in required %}
    when {{ lines }}.{{ field ~ ' is null' if fields[field] == 'text' else 'has_' ~ field ~ ' = false' }} then 'missing_{{ field }}'
    {%- endfor %}
    {%- for field, type in fields.items() if type == 'timestamp' %}
    when
        {{ lines }}.has_{{ field }} and ({{ lines }}.{{ field }} is null or not {{ is_supported_moment(lines ~ '.' ~ field) }})
        then 'bad_{{ field }}'
    {%- endfor %}
    {%- for field, type in fields.items() if type in ('integer', 'number', 'boolean') or field in bad %}
    when
        {% if type != 'text' %}({{ lines }}.has_{{ field }} and {{ lines }}.{{ field }} is null){% endif %}
        {%- if field in bad %}{{ ' or ' if type != 'text' }}{{ bad[field] }}{% endif %}
        then 'bad_{{ field }}'
    {%- endfor %}
{%- endmacro %}


{# The branches that say which of its values and ranges a typed line does not keep to. #}
{% macro value_reasons(feed, lines) -%}
    {%- for field, values in feeds()[feed].get('values', {}).items() %}
    when {{ lines }}.{{ field }} not in ('{{ values | join("', '") }}') then 'unknown_{{ field }}'
    {%- endfor %}
    {%- for field, range in feeds()[feed].get('ranges', {}).items() %}
    when {{ is_out_of_range(lines ~ '.' ~ field, range) }} then 'out_of_range_{{ field }}'
    {%- endfor %}
{%- endmacro %}

{% macro is_out_of_range(number, range) -%}
    {%- for bound, limit in range.items() -%}
    {{ ' or ' if not loop.first }}{{ number }} {{ {'gt': '<=', 'ge': '<', 'le': '>'}[bound] }} {{ limit }}
    {%- endfor -%}
{%- endmacro %}


{# The last branch: a moment that has not come on the second day after landing. #}
{% macro future_reason(feed, lines) -%}
    {%- for field in feeds()[feed].past %}
    when {{ lines }}.{{ field }} >= {{ add_days(lines ~ '.landed_on', 2) }} then 'in_the_future'
    {%- endfor %}
{%- endmacro %}


{#
    By field, the expressions of an element of an array of objects, from its parsed JSON. A number that is given, or due, and cannot be read is below its
    range, which is refused as well.
#}
{% macro element_values(feed, array, element) -%}
    {%- set of, values = feeds()[feed].elements[array], {} -%}
    {%- for field, type in of.fields.items() -%}
        {%- set given = element ~ '.' ~ field -%}
        {%- if type == 'text' -%}
            {%- do values.update({field: absent_if_blank(given)}) -%}
        {%- else -%}
            {%- set range = of.ranges[field] -%}
            {%- set number = 'coalesce(' ~ strict_number(json_text(given)) ~ ', ' ~ (range.get('gt', range.get('ge')) - 1) ~ ')' -%}
            {%- set is_given = absent_if_blank_json(json_text(given)) ~ ' is not null' -%}
            {%- do values.update({field: number if field in of.required else 'case when ' ~ is_given ~ ' then ' ~ number ~ ' end'}) -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(values) -}}
{%- endmacro %}

{# Whether an element with those values is refused, never null. #}
{% macro is_bad_element(feed, array, element) -%}
    {%- set of, faults = feeds()[feed].elements[array], [] -%}
    {%- for field, type in of.fields.items() -%}
        {%- set value = element ~ '.' ~ field -%}
        {%- if type != 'text' -%}
            {%- do faults.append('coalesce(' ~ is_out_of_range(value, of.ranges[field]) ~ ', false)') -%}
        {%- elif field in of.required -%}
            {%- do faults.append(value ~ ' is null') -%}
        {%- endif -%}
    {%- endfor -%}
    {{- return(faults | join(' or ')) -}}
{%- endmacro %}


{# What staging keeps of where a line came from, and why it is refused if it is. #}
{% macro landing_columns() -%}
    landed_on,
    file,
    reason,
    case when reason is not null then line end as line,
    {{ text_hash('line') }} as line_hash,
    {{ next_load() }} as load_id
{%- endmacro %}
