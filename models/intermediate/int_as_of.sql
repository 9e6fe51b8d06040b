{% set stated = var('as_of', '') %}

with

accepted as (

    select
        max(updated_at) as latest_updated_at,
        min(created_at) as earliest_created_at
    from {{ ref('int_ticket_updates') }}

)

select
    {% if stated -%}
    case
        when latest_updated_at > cast('{{ stated }}' as timestamp(6))
            then {{ raise_error(
                "'The var as_of, " ~ stated ~ ", is earlier than the latest accepted update, '"
                ~ " || cast(latest_updated_at as varchar) || ': leave it out, or give a later moment (UTC).'"
            ) }}
        else cast('{{ stated }}' as timestamp(6))
    end as as_of,
    {%- else -%}
    latest_updated_at as as_of,
    {% endif %}
    latest_updated_at,
    earliest_created_at
from accepted
