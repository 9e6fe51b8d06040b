select
    dealership_id,
    {{ latest_value('city', ['serviced_at', 'service_record_id']) }} as city,
    min(serviced_at) as first_serviced_at,
    max(serviced_at) as last_serviced_at
from {{ ref('fct_service_records') }}
group by dealership_id
