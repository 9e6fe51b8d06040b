-- Landed days whose refused lines are not all reported, tickets that lack updates, and the lake as a whole if its days lack some.
with

landed as (

    select
        feed,
        landed_on,
        accepted,
        quarantined
    from {{ ref('ingestion_state') }}

),

refused as (

    select
        feed,
        landed_on,
        sum(occurrences) as quarantined
    from {{ ref('quarantined_lines') }}
    where {{ is_untested_landing('feed', 'landed_on') }}
    group by feed, landed_on

),

updates as (

    select
        ticket_key,
        count(*) as update_count
    from {{ ref('int_ticket_updates') }}
    where {{ is_untested_ticket('ticket_key', 'created_at') }}
    group by ticket_key

),

tickets as (

    select
        ticket_key,
        update_count
    from {{ ref('fct_tickets') }}
    where {{ is_untested_ticket('ticket_key', 'created_at') }}

),

totals as (

    select
        (
            select coalesce(sum(accepted), 0)
            from landed
            where feed = 'ticket_updates'
        ) as accepted,
        (select coalesce(sum(updates), 0) from {{ ref('ops_metrics_daily') }}) as daily_updates

)

select
    landed.landed_on,
    cast(null as varchar) as ticket_key,
    'refused lines' as what,
    landed.quarantined as counted,
    refused.quarantined as reported
from landed
full outer join refused on landed.feed = refused.feed and landed.landed_on = refused.landed_on
where
    coalesce(landed.quarantined, -1) <> coalesce(refused.quarantined, 0)
    and {{ is_untested_landing('coalesce(landed.feed, refused.feed)', 'coalesce(landed.landed_on, refused.landed_on)') }}

union all

select
    ops_metrics.day as landed_on,
    null as ticket_key,
    'refused lines of the day' as what,
    landed.quarantined as counted,
    ops_metrics.quarantined as reported
from {{ ref('ops_metrics_daily') }} as ops_metrics
left join landed on ops_metrics.day = landed.landed_on and landed.feed = 'ticket_updates'
where ops_metrics.quarantined <> coalesce(landed.quarantined, 0)

union all

select
    null as landed_on,
    coalesce(updates.ticket_key, tickets.ticket_key) as ticket_key,
    'updates of a ticket' as what,
    updates.update_count as counted,
    tickets.update_count as reported
from updates
full outer join tickets on updates.ticket_key = tickets.ticket_key
where coalesce(updates.update_count, 0) <> coalesce(tickets.update_count, 0)

union all

select
    null as landed_on,
    null as ticket_key,
    'updates of days' as what,
    accepted as counted,
    daily_updates as reported
from totals
where accepted <> daily_updates
