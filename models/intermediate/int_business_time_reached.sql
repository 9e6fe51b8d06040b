-- The way back: at which moment has a calendar been open for more than so long? Open stretches by what they count.
with

stretches as (

    select
        calendar,
        starts_at,
        open_micros_before,
        open_micros_before + {{ micros_between('starts_at', 'ends_at') }} as open_micros_after
    from {{ ref('int_business_time') }}
    where is_open

)

select
    calendar,
    bucket,
    starts_at,
    open_micros_before,
    open_micros_after
from stretches
cross join unnest({{ numbers_between(
    open_micros_bucket('open_micros_before'), open_micros_bucket('open_micros_after - 1')
) }}) as buckets (bucket)
