{% call refuse_seeds() -%}

select
    'markets' as seed,
    markets.market || ': ' || coalesce('calendar ' || markets.calendar || ' is not in seeds/calendars.csv', 'calendar is blank')
    || '. Name one that is there, or add it.' as problem
from {{ ref('markets') }} as markets
left join {{ ref('calendars') }} as calendars on markets.calendar = calendars.calendar
where calendars.calendar is null

union all

select
    'calendars' as seed,
    calendar || ': ' || coalesce('no time zone is called ' || timezone, 'timezone is blank')
    || '. Write a name of the IANA database, such as Europe/Berlin, capitals and all.' as problem
from {{ ref('calendars') }}
where timezone is null or not ({{ is_time_zone('timezone') }})

{%- endcall %}
