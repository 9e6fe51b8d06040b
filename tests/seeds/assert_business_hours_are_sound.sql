{% call refuse_seeds() -%}

with

hours as (

    select
        iso_weekday,
        opens_at,
        closes_at,
        calendar || ', weekday ' || cast(iso_weekday as varchar) as name,
        opens_at || '-' || closes_at as times,
        {{ matches('opens_at', '^([01]\\d|2[0-3]):[0-5]\\d\\z') }} as opens_at_a_time,
        coalesce({{ matches('closes_at', '^(([01]\\d|2[0-3]):[0-5]\\d|24:00)\\z') }}, false) as closes_at_a_time
    from {{ ref('business_hours') }}

),

-- Times of this form are in order as text, too.
intervals as (

    select
        name,
        opens_at,
        times,
        lag(times) over (partition by name order by opens_at) as previous_times,
        lag(closes_at) over (partition by name order by opens_at) as previous_closes_at
    from hours
    where opens_at_a_time and closes_at_a_time and opens_at < closes_at

),

calendars_used as (

    select
        'business_hours' as seed,
        calendar
    from {{ ref('business_hours') }}

    union

    select
        'holidays' as seed,
        calendar
    from {{ ref('holidays') }}

),

problems as (

    select
        used.seed,
        'calendar ' || used.calendar || ' is not in seeds/calendars.csv. Name one that is there, or add it.' as problem
    from calendars_used as used
    left join {{ ref('calendars') }} as calendars on used.calendar = calendars.calendar
    where calendars.calendar is null

    union all

    select
        'business_hours' as seed,
        name || ': there is no such weekday. Write 1 for Monday to 7 for Sunday.' as problem
    from hours
    where iso_weekday not between 1 and 7

    union all

    select
        'business_hours' as seed,
        name || ': opens_at is ''' || opens_at || '''. Write hour and minute with two digits each, 00:00 to 23:59.' as problem
    from hours
    where not opens_at_a_time

    union all

    select
        'business_hours' as seed,
        name || ': closes_at is ' || coalesce('''' || closes_at || '''', 'blank')
        || '. Write hour and minute with two digits each, 00:01 to 24:00.' as problem
    from hours
    where not closes_at_a_time

    union all

    select
        'business_hours' as seed,
        name || ': ' || times || ' does not end after it begins. For hours past midnight write two rows: '
        || opens_at || '-24:00, and 00:00-' || closes_at || ' on the next weekday.' as problem
    from hours
    where opens_at_a_time and closes_at_a_time and opens_at >= closes_at

    union all

    select
        'business_hours' as seed,
        name || ': ' || previous_times || ' overlaps ' || times || '. Let each interval begin where the one before ends, or later.' as problem
    from intervals
    where opens_at < previous_closes_at

)

select
    seed,
    problem
from problems

{%- endcall %}
