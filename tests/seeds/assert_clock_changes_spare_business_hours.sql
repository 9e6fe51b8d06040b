{% call refuse_seeds() -%}

with

-- Where the clocks change, the zone is another distance from UTC after the day than before it. A creation before 2000 is a slip of its source: that
-- a clock was set by the railway's in 1847 must not stop a build.
days as (

    select
        business_time.calendar,
        calendars.timezone,
        business_time.day,
        cast({{ add_days('business_time.day', -1) }} as timestamp(6)) as before,
        cast({{ add_days('business_time.day', 2) }} as timestamp(6)) as after
    from {{ ref('int_business_time') }} as business_time
    inner join {{ ref('calendars') }} as calendars on business_time.calendar = calendars.calendar
    where
        business_time.starts_at = cast(business_time.day as timestamp(6))
        and business_time.day >= cast('2000-01-01' as date)

),

distances as (

    select
        calendar,
        timezone,
        day,
        {{ micros_between('before', local_from_utc('before', 'timezone')) }} as micros_before,
        {{ micros_between('after', local_from_utc('after', 'timezone')) }} as micros_after
    from days

),

wall_times as (

    select
        calendar,
        iso_weekday,
        opens_at as wall_time
    from {{ ref('business_hours') }}

    union

    select
        calendar,
        iso_weekday,
        closes_at as wall_time
    from {{ ref('business_hours') }}

),

moments as (

    select
        distances.*,
        wall_times.iso_weekday,
        wall_times.wall_time,
        {{ local_moment('distances.day', 'wall_times.wall_time') }} as local_time
    from distances
    inner join wall_times
        on distances.calendar = wall_times.calendar and {{ iso_weekday('distances.day') }} = wall_times.iso_weekday
    left join {{ ref('holidays') }} as holidays
        on distances.calendar = holidays.calendar and distances.day = holidays.holiday
    where
        distances.micros_before <> distances.micros_after
        and holidays.holiday is null

),

candidates as (

    select
        *,
        {{ moment(micros('local_time') ~ ' - micros_before') }} as utc_by_distance_before,
        {{ moment(micros('local_time') ~ ' - micros_after') }} as utc_by_distance_after
    from moments

),

-- An ordinary wall time is reached by one of the two, a skipped one by none, a repeated one by both.
counted as (

    select
        *,
        case when {{ local_from_utc('utc_by_distance_before', 'timezone') }} = local_time then 1 else 0 end
        + case when {{ local_from_utc('utc_by_distance_after', 'timezone') }} = local_time then 1 else 0 end as occurrences
    from candidates

)

select
    'business_hours' as seed,
    calendar || ', weekday ' || cast(iso_weekday as varchar) || ': when the clocks of ' || timezone || ' change, '
    || wall_time || case when occurrences = 0 then ' is skipped' else ' comes twice' end
    || ', on ' || cast(max(day) as varchar) || ' for one. Open and close at another time, or make such dates holidays.' as problem
from counted
where occurrences <> 1
group by calendar, timezone, iso_weekday, wall_time, occurrences

{%- endcall %}
