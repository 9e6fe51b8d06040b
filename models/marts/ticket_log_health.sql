{{
    config(
        materialized='incremental',
        incremental_strategy='replace',
        meta={'feeds': ['support_logs', 'ticket_updates'], 'replaces': 'changed_tickets'},
        post_hook="{{ record_load() }}",
    )
}}

with

logs as (

    select
        ticket_key,
        logged_at,
        log_level = 'ERROR' as is_error,
        response_time_ms,
        cpu_percent
    from {{ ref('fct_support_logs') }}
    where {{ is_changed_ticket('ticket_key', ['support_logs', 'ticket_updates']) }}

),

open_states as (

    select
        ticket_key,
        started_at,
        ended_at
    from {{ ref('int_ticket_states') }}
    where
        is_open
        and {{ is_changed_ticket('ticket_key', ['support_logs', 'ticket_updates']) }}

),

-- A ticket is in one state at a time, so that an error meets one at most.
errors_while_open as (

    select
        logs.ticket_key,
        count(*) as errors
    from logs
    inner join open_states
        on
            logs.ticket_key = open_states.ticket_key
            and logs.logged_at >= open_states.started_at
            and (open_states.ended_at is null or logs.logged_at < open_states.ended_at)
    where logs.is_error
    group by logs.ticket_key

),

by_ticket as (

    select
        logs.ticket_key,
        max(tickets.ticket_key) is not null as is_known,
        count(*) as log_count,
        count(*) filter (where logs.is_error) as error_count,
        {{ nearest_rank('logs.response_time_ms', 0.5) }} as response_time_ms_p50,
        {{ nearest_rank('logs.response_time_ms', 0.95) }} as response_time_ms_p95,
        max(logs.response_time_ms) as response_time_ms_max,
        avg(logs.cpu_percent) as cpu_percent_avg,
        max(logs.cpu_percent) as cpu_percent_max,
        min(case when logs.is_error then logs.logged_at end) as first_error_at,
        count(*) filter (
            where logs.is_error and (tickets.first_reply_at is null or logs.logged_at < tickets.first_reply_at)
        ) as errors_before_first_reply
    from logs
    left join {{ ref('int_tickets') }} as tickets on logs.ticket_key = tickets.ticket_key
    group by logs.ticket_key

)

select
    by_ticket.ticket_key,
    cast(by_ticket.log_count as integer) as log_count,
    cast(by_ticket.error_count as integer) as error_count,
    cast(by_ticket.error_count as double) / by_ticket.log_count as error_rate,
    by_ticket.response_time_ms_p50,
    by_ticket.response_time_ms_p95,
    by_ticket.response_time_ms_max,
    by_ticket.cpu_percent_avg,
    by_ticket.cpu_percent_max,
    by_ticket.first_error_at,
    cast(case when by_ticket.is_known then by_ticket.errors_before_first_reply end as integer) as errors_before_first_reply,
    cast(case when by_ticket.is_known then coalesce(errors_while_open.errors, 0) end as integer) as errors_while_open
from by_ticket
left join errors_while_open on by_ticket.ticket_key = errors_while_open.ticket_key
