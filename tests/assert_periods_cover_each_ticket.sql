-- Tickets whose periods do not begin at their creation, have not one that is current, or do not add up to the hours of the ticket.
with

sums as (

    select
        periods.ticket_key,
        min(periods.valid_from) as first_valid_from,
        sum(case when periods.is_current then 1 else 0 end) as current_periods,
        sum(periods.hours) as hours,
        sum(case when statuses.phase = 'working' then periods.hours else 0 end) as working_hours,
        sum(case when statuses.phase = 'pending' then periods.hours else 0 end) as pending_hours,
        sum(case when statuses.phase = 'on_hold' then periods.hours else 0 end) as on_hold_hours
    from {{ ref('fct_ticket_periods') }} as periods
    inner join {{ ref('ticket_statuses') }} as statuses on periods.status = statuses.status
    where {{ is_untested_ticket('periods.ticket_key', 'periods.valid_from', or_later=true) }}
    group by periods.ticket_key

)

select
    tickets.ticket_key,
    tickets.created_at,
    sums.first_valid_from,
    sums.current_periods,
    sums.hours,
    sums.working_hours,
    sums.pending_hours,
    sums.on_hold_hours
from {{ ref('fct_tickets') }} as tickets
left join sums on tickets.ticket_key = sums.ticket_key
cross join {{ ref('int_as_of') }} as bounds
where
    {{ is_untested_ticket('tickets.ticket_key', 'tickets.created_at') }}
    and (
        sums.ticket_key is null
        or sums.first_valid_from <> tickets.created_at
        or sums.current_periods <> 1
        or abs(sums.hours - {{ hours(micros_between('tickets.created_at', 'bounds.as_of')) }}) > 0.000001
        or abs(sums.working_hours - tickets.working_hours) > 0.000001
        or abs(sums.pending_hours - tickets.pending_hours) > 0.000001
        or abs(sums.on_hold_hours - tickets.on_hold_hours) > 0.000001
    )
