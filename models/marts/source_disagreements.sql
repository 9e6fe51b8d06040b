{{ config(materialized='view') }}

select
    ticket_key,
    metric,
    source,
    source_value,
    lake_value,
    difference
from {{ ref('int_source_results') }}
where not is_agreed
