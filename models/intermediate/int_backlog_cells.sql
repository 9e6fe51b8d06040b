select distinct
    market,
    severity
from {{ ref('int_ticket_states') }}
