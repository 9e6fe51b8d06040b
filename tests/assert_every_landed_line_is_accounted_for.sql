-- Landed days whose refused lines are not all reported, and the lake as a whole if it does not report all updates.
with

landed as (

    select
        landed_on,
        accepted,
        quarantined
    from {{ ref('ingestion_state') }}
    where feed = 'ticket_updates'

),

refused as (

    select
        landed_on,
        sum(occurrences) as quarantined
    from {{ ref('quarantined_lines') }}
    where feed = 'ticket_updates'
    group by landed_on

),

totals as (

    select
        (select coalesce(sum(accepted), 0) from landed) as accepted,
        (select coalesce(sum(update_count), 0) from {{ ref('fct_tickets') }}) as ticket_updates,
        (select coalesce(sum(updates), 0) from {{ ref('ops_metrics_daily') }}) as daily_updates

)

select
    landed.landed_on,
    'refused lines' as what,
    landed.quarantined as counted,
    refused.quarantined as reported
from landed
full outer join refused on landed.landed_on = refused.landed_on
where coalesce(landed.quarantined, -1) <> coalesce(refused.quarantined, 0)

union all

select
    ops_metrics.day as landed_on,
    'refused lines of the day' as what,
    landed.quarantined as counted,
    ops_metrics.quarantined as reported
from {{ ref('ops_metrics_daily') }} as ops_metrics
left join landed on ops_metrics.day = landed.landed_on
where ops_metrics.quarantined <> coalesce(landed.quarantined, 0)

union all

select
    null as landed_on,
    'updates of tickets' as what,
    accepted as counted,
    ticket_updates as reported
from totals
where accepted <> ticket_updates

union all

select
    null as landed_on,
    'updates of days' as what,
    accepted as counted,
    daily_updates as reported
from totals
where accepted <> daily_updates
