-- Top categories: the ten that most tickets are about, how many of those breached their resolution SLA, and how long they took.
with

categories as (

    select
        coalesce(category, '(none)') as category,
        count(*) as tickets,
        cast(count(*) as double) / sum(count(*)) over () as share_of_tickets,
        avg(case when is_sla_breached then 1e0 when not is_sla_breached then 0e0 end) as breach_rate,
        {{ nearest_rank('resolution_hours', 0.5) }} as resolution_hours_median,
        row_number() over (order by count(*) desc, coalesce(category, '(none)')) as place
    from {{ ref('fct_tickets') }}
    group by coalesce(category, '(none)')

)

select
    place,
    category,
    tickets,
    share_of_tickets,
    breach_rate,
    resolution_hours_median
from categories
where place <= 10
order by place
