{{ config(materialized='view') }}

select
    'ticket_updates' as feed,
    landed_on,
    file,
    {{ md5_hex('line') }} as line_id,
    line,
    reason,
    cast(count(*) as integer) as occurrences
from {{ ref('stg_ticket_updates__lines') }}
where reason is not null
group by landed_on, file, line, reason
