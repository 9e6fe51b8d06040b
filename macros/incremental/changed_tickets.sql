{#
    The tickets with a line of a load that this model has not taken in: each is computed anew, whole, from all its updates.
    Lines that are refused or repeat an update count, too: read again, with other seeds or after a file that landed before
    it, a line may have become one.
#}
{% macro changed_tickets() -%}
    {{- tickets_since(last_load(), ref('stg_ticket_updates__lines')) -}}
{%- endmacro %}


{# The tickets that lines of later loads than this one name. #}
{% macro tickets_since(load, lines) -%}
    select ticket_key
    from {{ lines }}
    where load_id > {{ load }} and ticket_key is not null
{%- endmacro %}


{# Whether a row belongs to a ticket that this build computes: any, if it computes all. #}
{% macro is_changed_ticket(ticket_key) -%}
    {%- set changed = changed_tickets() -%}
    {{ ticket_key ~ ' in (' ~ changed ~ ')' if is_incremental() else 'true' }}
{%- endmacro %}


{# The updates, by source and update_id, of which a line came with a load that this model has not taken in. #}
{% macro changed_updates() -%}
    {{- updates_since(last_load(), ref('stg_ticket_updates__lines')) -}}
{%- endmacro %}


{# The updates, by source and update_id, that accepted lines of later loads than this one carry. #}
{% macro updates_since(load, lines) -%}
    select
        source,
        update_id
    from {{ lines }}
    where load_id > {{ load }} and reason is null
{%- endmacro %}


{# Whether a row belongs to an update that this build computes: any, if it computes all. #}
{% macro is_changed_update(source, update_id) -%}
    {%- set changed = changed_updates() -%}
    {{ '(' ~ source ~ ', ' ~ update_id ~ ') in (' ~ changed ~ ')' if is_incremental() else 'true' }}
{%- endmacro %}


{# Whether a row came with a load that this model has not taken in: any, if it computes all. #}
{% macro is_new(load_id) -%}
    {{ load_id ~ ' > ' ~ last_load() if is_incremental() else 'true' }}
{%- endmacro %}
