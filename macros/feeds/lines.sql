{#
    A subquery of the lines of a feed that are to be read, with the fields that they give, each of its type. null and blank strings are absent; of a field that is
    no text `has_<field>` says whether it was given, so that null then means that it cannot be read.
#}
{% macro typed_lines(feed) -%}
    {%- set fields = feeds()[feed].fields -%}
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
            from (
                select
                    landed_on,
                    file,
                    line,
                    {{ parse_json_object('line', texts, values) }} as fields,
                    is_whole and {{ is_strict_json_object('line') }} as is_strict
                from {{ landed_lines(feed, first_unread_day(feed)) }} as lines
                where not {{ is_blank('line') }}
            ) as parsed
        ) as given
    )
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
