{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'replaces': 'changed_tickets', 'opened_at': 'created_on'},
        post_hook="{{ record_load() }}",
    )
}}
{% do partition_by_month('created_on') %}

{% set months = changed_months() %}
{% set in_order = 'partition by ticket_key order by state_no' %}

with

-- States of no length are dropped, unless they are the last.
states as (

    select
        ticket_key,
        state_no,
        started_at,
        started_open_micros,
        calendar,
        status,
        severity,
        agent_id,
        team,
        cast(ticket_created_at as date) as created_on
    from {{ ref('int_ticket_states') }}
    where
        (ended_at is null or ended_at > started_at)
        and {{ is_changed_ticket('ticket_key') }}
        and {{ in_months('ticket_created_at', months) }}

),

compared as (

    select
        *,
        coalesce(lag(status) over ({{ in_order }}), '') <> status
        or lag(severity) over ({{ in_order }}) <> severity
        or coalesce(lag(agent_id) over ({{ in_order }}), '') <> coalesce(agent_id, '')
        or coalesce(lag(team) over ({{ in_order }}), '') <> coalesce(team, '') as is_change
    from states

)

select
    ticket_key,
    started_at as valid_from,
    lead(started_at) over ({{ in_order }}) as valid_to,
    status,
    severity,
    agent_id,
    team,
    created_on,
    calendar,
    started_open_micros,
    lead(started_open_micros) over ({{ in_order }}) as ended_open_micros
from compared
where is_change
