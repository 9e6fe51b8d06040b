-- What each calendar has counted by as_of: all that is needed to measure what is still open.
select
    calendars.calendar,
    bounds.as_of,
    {{ open_micros('business_time', 'bounds.as_of') }} as open_micros
from {{ ref('calendars') }} as calendars
cross join {{ ref('int_as_of') }} as bounds
{{ join_business_time('business_time', 'calendars.calendar', 'bounds.as_of') }}
