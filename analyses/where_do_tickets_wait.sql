-- Where do tickets wait? Of the hours for which tickets were open, the shares in which the desk worked, waited for the customer, and
-- had them on hold, by category, the longest open first.
with

categories as (

    select
        coalesce(category, '(none)') as category,
        count(*) as tickets,
        sum(working_hours) as working_hours,
        sum(pending_hours) as pending_hours,
        sum(on_hold_hours) as on_hold_hours,
        sum(working_hours + pending_hours + on_hold_hours) as open_hours
    from {{ ref('fct_tickets') }}
    group by coalesce(category, '(none)')

)

select
    category,
    tickets,
    open_hours / tickets as open_hours_avg,
    working_hours / nullif(open_hours, 0) as working_share,
    pending_hours / nullif(open_hours, 0) as pending_share,
    on_hold_hours / nullif(open_hours, 0) as on_hold_share
from categories
order by open_hours_avg desc, category asc
