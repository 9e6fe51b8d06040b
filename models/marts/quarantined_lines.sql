{{ config(materialized='view') }}

with

refused as (

    {% for feed in feeds() -%}
    select
        '{{ feed }}' as feed,
        landed_on,
        file,
        line,
        reason
    from {{ ref(staged_lines(feed)) }}
    where reason is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    feed,
    landed_on,
    file,
    {{ md5_hex('line') }} as line_id,
    line,
    reason,
    cast(count(*) as integer) as occurrences
from refused
group by feed, landed_on, file, line, reason
