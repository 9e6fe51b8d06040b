{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'landed_days'},
        post_hook="{{ record_load() }}",
    )
}}

with

lines as (

    select
        landed_on,
        file,
        reason
    from {{ ref('stg_ticket_updates__lines') }}
    where {{ is_new('load_id') }}

),

landed as (

    select
        landed_on,
        count(distinct file) as files,
        count(*) as lines,
        count(reason) as quarantined
    from lines
    group by landed_on

),

accepted as (

    select
        landed_on,
        count(*) as accepted
    from {{ ref('int_ticket_updates') }}
    where {{ is_new('load_id') }}
    group by landed_on

)

select
    'ticket_updates' as feed,
    landed.landed_on,
    cast(landed.files as integer) as files,
    cast(landed.lines as integer) as lines,
    cast(coalesce(accepted.accepted, 0) as integer) as accepted,
    cast(landed.lines - landed.quarantined - coalesce(accepted.accepted, 0) as integer) as duplicates,
    cast(landed.quarantined as integer) as quarantined
from landed
left join accepted on landed.landed_on = accepted.landed_on
