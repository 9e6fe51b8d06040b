-- Any moment will do as the zero of open_micros_before, as long as it stays the same: stored rows are measured from it.
{% set zero_day = "cast('2020-01-01' as date)" %}

with

-- The longest that a clock started now can take to reach its target: whole weeks, and one more for each holiday to come.
weekly_hours as (

    select
        calendar,
        sum({{ wall_time_minutes('closes_at') }} - {{ wall_time_minutes('opens_at') }}) as open_minutes
    from {{ ref('business_hours') }}
    group by calendar

),

future_holidays as (

    select
        holidays.calendar,
        count(*) as holiday_count
    from {{ ref('holidays') }} as holidays
    cross join {{ ref('int_as_of') }} as bounds
    where holidays.holiday >= cast(bounds.as_of as date)
    group by holidays.calendar

),

longest_target as (

    select coalesce(max(target_minutes), 0) as target_minutes
    from {{ ref('sla_policies') }}
    where hours = 'business'

),

spans as (

    select
        calendars.calendar,
        calendars.timezone,
        {{ add_days("least(cast(bounds.earliest_created_at as date), " ~ zero_day ~ ")", -2) }} as first_day,
        {{ add_days("cast(bounds.as_of as date)", "7 * cast(
            coalesce(ceil(longest_target.target_minutes / nullif(weekly_hours.open_minutes, 0)), 0)
            + coalesce(future_holidays.holiday_count, 0) + 3 as integer
        )") }} as last_day
    from {{ ref('calendars') }} as calendars
    cross join {{ ref('int_as_of') }} as bounds
    cross join longest_target
    left join weekly_hours on calendars.calendar = weekly_hours.calendar
    left join future_holidays on calendars.calendar = future_holidays.calendar

),

days as (

    select
        calendar,
        timezone,
        day
    from spans
    cross join unnest({{ dates_between('first_day', 'last_day') }}) as dates (day)

),

-- One row for each opening of a local day, holidays left out.
openings as (

    select
        days.calendar,
        {{ utc_from_local(local_moment('days.day', 'business_hours.opens_at'), 'days.timezone') }} as opens_at,
        {{ utc_from_local(local_moment('days.day', 'business_hours.closes_at'), 'days.timezone') }} as closes_at
    from days
    inner join {{ ref('business_hours') }} as business_hours
        on days.calendar = business_hours.calendar and {{ iso_weekday("days.day") }} = business_hours.iso_weekday
    left join {{ ref('holidays') }} as holidays
        on days.calendar = holidays.calendar and days.day = holidays.holiday
    where holidays.holiday is null

),

-- Every moment at which something begins: a UTC day, an opening, a closing.
edges as (

    select
        calendar,
        cast(day as timestamp(6)) as starts_at,
        0 as opened
    from days

    union all

    select
        calendar,
        opens_at as starts_at,
        1 as opened
    from openings

    union all

    select
        calendar,
        closes_at as starts_at,
        -1 as opened
    from openings

),

merged_edges as (

    select
        calendar,
        starts_at,
        sum(opened) as opened
    from edges
    group by calendar, starts_at

),

stretches as (

    select
        calendar,
        starts_at,
        lead(starts_at) over (partition by calendar order by starts_at) as ends_at,
        sum(opened) over (partition by calendar order by starts_at rows unbounded preceding) > 0 as is_open
    from merged_edges

),

last_days as (

    select
        calendar,
        max(day) as last_day
    from days
    group by calendar

),

-- Openings of a calendar's last day may go on after it: they are left out.
measured as (

    select
        stretches.calendar,
        stretches.starts_at,
        stretches.ends_at,
        stretches.is_open,
        case when stretches.is_open then {{ micros_between('stretches.starts_at', 'stretches.ends_at') }} else 0 end as open_micros
    from stretches
    inner join last_days on stretches.calendar = last_days.calendar
    where stretches.ends_at <= cast({{ add_days('last_days.last_day', 1) }} as timestamp(6))

),

counted as (

    select
        *,
        sum(open_micros) over (
            partition by calendar order by starts_at rows unbounded preceding
        ) - open_micros as open_micros_since_first_day,
        sum(case when starts_at < {{ zero_day }} then open_micros else 0 end) over (partition by calendar) as open_micros_until_zero
    from measured

)

select
    calendar,
    cast(starts_at as date) as day,
    starts_at,
    ends_at,
    is_open,
    cast(open_micros_since_first_day - open_micros_until_zero as bigint) as open_micros_before
from counted
