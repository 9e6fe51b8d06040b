{% set after = month_after_first_opened() %}

-- Every date that a fact or a daily table can name: from the first ticket's creation to as_of.
with

bounds as (

    select
        cast(min(tickets.created_at) as date) as first_day,
        cast(bounds.as_of as date) as last_day
    from {{ ref('int_tickets') }} as tickets
    cross join {{ ref('int_as_of') }} as bounds
    {% if after %}
    where tickets.created_at < cast('{{ after }}' as date)
    {% endif %}
    group by bounds.as_of

),

days as (

    select day
    from bounds
    cross join unnest({{ dates_between('first_day', 'last_day') }}) as dates (day)

)

select
    day,
    cast(extract(year from day) as integer) as year,
    cast(extract(quarter from day) as integer) as quarter,
    cast(extract(month from day) as integer) as month,
    cast(date_trunc('month', day) as date) as month_start,
    cast(date_trunc('week', day) as date) as week_start,
    cast({{ iso_weekday('day') }} as integer) as iso_weekday,
    {{ iso_weekday('day') }} >= 6 as is_weekend
from days
