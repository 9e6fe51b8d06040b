{#
    The tickets with a line of a load, of these feeds or its own, that this model has not taken in: each is computed anew, whole, from all its updates.
    Lines that are refused or repeat an update count, too: read again, with other seeds or after a file that landed before
    it, a line may have become one.
#}
{% macro changed_tickets(feeds=none) -%}
    {%- for feed in feeds or own_feeds() -%}
    {{- ' union all ' if not loop.first -}}{{- tickets_since(last_load(feed), ref(staged_lines(feed))) -}}
    {%- endfor -%}
{%- endmacro %}


{# The tickets that lines of later loads than this one name. #}
{% macro tickets_since(load, lines) -%}
    select ticket_key
    from {{ lines }}
    where load_id > {{ load }} and ticket_key is not null
{%- endmacro %}


{# Whether a row belongs to a ticket that this build computes: any, if it computes all. #}
{% macro is_changed_ticket(ticket_key, feeds=none) -%}
    {%- set changed = changed_tickets(feeds) -%}
    {{ ticket_key ~ ' in (' ~ changed ~ ')' if is_incremental() else 'true' }}
{%- endmacro %}


{# Whether a row came with a load that this model has not taken in: any, if it computes all. #}
{% macro is_new(load_id) -%}
    {{ load_id ~ ' > ' ~ last_load() if is_incremental() else 'true' }}
{%- endmacro %}
