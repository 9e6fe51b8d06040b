{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'loads'},
        post_hook="{{ record_load() }}",
    )
}}

with

lines as (

    select
        cast(date_trunc('month', created_at) as date) as opened_month,
        update_id,
        states_update_id,
        {{ matches('update_id', '^[0-9a-f]{32}$') }} as is_md5,
        {{ is_new('load_id') }} as is_new
    from {{ ref('stg_ticket_updates__lines') }}
    where
        created_at is not null
        and {{ is_changed_ticket('ticket_key') }}

)

select
    {{ last_recorded_load('stg_ticket_updates__lines', 'ticket_updates') }} as load_id,
    opened_month,
    min(case when is_new and not is_md5 then update_id end) as first_update_id,
    max(case when is_new and not is_md5 then update_id end) as last_update_id,
    max(case when is_new and is_md5 and states_update_id then 1 else 0 end) = 1 as states_md5s,
    max(case when is_new and not states_update_id then 1 else 0 end) = 1 as derives_md5s
from lines
group by opened_month
