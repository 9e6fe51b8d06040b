{% call refuse_seeds() -%}

with

statuses as (

    select
        status,
        phase,
        is_open,
        clock_runs
    from {{ ref('ticket_statuses') }}

),

problems as (

    select
        status || ': phase is ' || coalesce('''' || phase || '''', 'blank') || '. Write working, pending, on_hold or done.' as problem
    from statuses
    where phase is null or phase not in ('working', 'pending', 'on_hold', 'done')

    union all

    select status || ': is_open is blank. Write true or false.' as problem
    from statuses
    where is_open is null

    union all

    select status || ': clock_runs is blank. Write true or false.' as problem
    from statuses
    where clock_runs is null

    union all

    select
        status || ': phase is ' || phase || ' and clock_runs is ' || cast(clock_runs as varchar) || ', but the ticket is not open. '
        || 'Write done and false, or make is_open true.' as problem
    from statuses
    where not is_open and (phase in ('working', 'pending', 'on_hold') or clock_runs)

    union all

    select
        'the status new is missing, and the time before a ticket''s first update counts as new. '
        || 'Add a row for it, such as new,working,true,true.' as problem
    from statuses
    having count(*) > 0 and count(case when status = 'new' then 1 end) = 0

)

select
    'ticket_statuses' as seed,
    problem
from problems

{%- endcall %}
