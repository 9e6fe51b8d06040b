select
    markets.market,
    markets.market_name,
    markets.calendar,
    calendars.timezone
from {{ ref('markets') }} as markets
inner join {{ ref('calendars') }} as calendars on markets.calendar = calendars.calendar
