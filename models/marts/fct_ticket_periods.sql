{{ config(materialized='view') }}

select
    periods.ticket_key,
    periods.valid_from,
    periods.valid_to,
    periods.status,
    periods.severity,
    periods.agent_id,
    periods.team,
    periods.valid_to is null as is_current,
    {{ hours(micros_between('periods.valid_from', 'coalesce(periods.valid_to, now.as_of)')) }} as hours,
    {{ hours('(coalesce(periods.ended_open_micros, now.open_micros) - periods.started_open_micros)') }} as business_hours
from {{ ref('int_ticket_periods') }} as periods
inner join {{ ref('int_as_of_business_time') }} as now on periods.calendar = now.calendar
