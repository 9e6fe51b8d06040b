{# The tickets with a line of a load that this model has not taken in: each is computed anew, whole. #}
{% macro changed_tickets() -%}
    select ticket_key
    from {{ ref('stg_ticket_updates__lines') }}
    where load_id > {{ last_load() }} and reason is null
{%- endmacro %}
