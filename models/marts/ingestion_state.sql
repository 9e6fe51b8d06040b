{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': feeds() | list, 'replaces': 'landed_days'},
        post_hook="{{ record_load() }}",
    )
}}

with

landed as (

    {% for feed in feeds() -%}
    select
        '{{ feed }}' as feed,
        landed_on,
        count(distinct file) as files,
        count(*) as lines,
        count(reason) as quarantined
    from {{ ref(staged_lines(feed)) }}
    where {{ is_on_changed_landing(feed) }}
    group by landed_on
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

accepted as (

    {% for feed, is in feeds().items() -%}
    select
        '{{ feed }}' as feed,
        landed_on,
        count(*) as accepted
    from {{ ref(is.records) }}
    where {{ is_on_changed_landing(feed) }}
    group by landed_on
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    landed.feed,
    landed.landed_on,
    cast(landed.files as integer) as files,
    cast(landed.lines as integer) as lines,
    cast(coalesce(accepted.accepted, 0) as integer) as accepted,
    cast(landed.lines - landed.quarantined - coalesce(accepted.accepted, 0) as integer) as duplicates,
    cast(landed.quarantined as integer) as quarantined
from landed
left join accepted on landed.feed = accepted.feed and landed.landed_on = accepted.landed_on
