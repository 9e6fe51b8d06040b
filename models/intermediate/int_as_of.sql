{% set stated = var('as_of', '') %}
{% set known = known_bounds() %}

with

{% if known -%}
-- Only what can move the bounds of the last build, so that a day does not look through all that came before.
accepted as (

    select
        max(latest_updated_at) as latest_updated_at,
        coalesce(min(earliest_created_at), cast('{{ known.earliest_created_at }}' as timestamp(6))) as earliest_created_at
    from (
        select
            max(updated_at) as latest_updated_at,
            cast(null as timestamp(6)) as earliest_created_at
        from {{ ref('int_ticket_updates') }}
        where updated_at >= cast('{{ known.latest_updated_at }}' as timestamp(6))

        union all

        select
            cast(null as timestamp(6)) as latest_updated_at,
            min(created_at) as earliest_created_at
        from {{ ref('int_ticket_updates') }}
        where created_at < cast('{{ known.earliest_created_at }}' as timestamp(6))
    ) as moved

)
{%- else -%}
accepted as (

    select
        max(updated_at) as latest_updated_at,
        min(created_at) as earliest_created_at
    from {{ ref('int_ticket_updates') }}

)
{%- endif %}

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
