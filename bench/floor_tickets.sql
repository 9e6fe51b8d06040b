-- The floor's tickets: what floor_raw.sql reads of them, computed once. To be set besides: as_of (a timestamp, or null).
--
-- The text is read once. What is computed with is integers. The updates are sorted once, by ticket and time, and all that looks at neighbours runs along
-- that order: windows with an empty OVER stream over stored rows, without another sort. A ticket and an identity are 64-bit hashes: of a million lakes
-- with a million tickets, one has two identities that clash, and the comparison with the project shows it.

-- Joins as they are written: the right side is the one to look up in, and the left one keeps its order.
set disabled_optimizers = 'join_order,build_side_probe_side';

---------- seeds

-- A status as one number: its row, then phase (working 0, pending 1, on_hold 2, done 3), then the bits is_open and clock_runs.
create temp table statuses as
select
    status,
    phase,
    cast(row_number() over () * 16
        + (list_position(['working', 'pending', 'on_hold', 'done'], phase) - 1) * 4
        + is_open::int * 2 + clock_runs::int as usmallint) as code
from read_csv(getvariable('seeds') || '/ticket_statuses.csv',
    columns = {status: 'VARCHAR', phase: 'VARCHAR', is_open: 'BOOLEAN', clock_runs: 'BOOLEAN'});

create temp table calendars as
select *
from read_csv(getvariable('seeds') || '/calendars.csv', columns = {calendar: 'VARCHAR', timezone: 'VARCHAR'});

create temp table markets as
select market, market_name, calendar, cast(row_number() over () as integer) as market_no
from read_csv(getvariable('seeds') || '/markets.csv', columns = {market: 'VARCHAR', market_name: 'VARCHAR', calendar: 'VARCHAR'});

create temp table business_hours as
select
    calendar,
    iso_weekday,
    substr(opens_at, 1, 2)::int * 60 + substr(opens_at, 4, 2)::int as opens,
    substr(closes_at, 1, 2)::int * 60 + substr(closes_at, 4, 2)::int as closes
from read_csv(getvariable('seeds') || '/business_hours.csv',
    columns = {calendar: 'VARCHAR', iso_weekday: 'INTEGER', opens_at: 'VARCHAR', closes_at: 'VARCHAR'});

create temp table holidays as
select calendar, holiday
from read_csv(getvariable('seeds') || '/holidays.csv',
    columns = {calendar: 'VARCHAR', holiday: 'DATE', holiday_name: 'VARCHAR'}, null_padding = true);

create temp table policies as
select
    *,
    cast(row_number() over (order by market is null, category is null, severity is null, source is null, policy) as integer) as rule,
    cast(round(target_minutes * 60000000) as bigint) as target
from read_csv(getvariable('seeds') || '/sla_policies.csv',
    columns = {policy: 'VARCHAR', source: 'VARCHAR', market: 'VARCHAR', category: 'VARCHAR', severity: 'VARCHAR', metric: 'VARCHAR',
        target_minutes: 'DOUBLE', hours: 'VARCHAR', valid_from: 'DATE', valid_to: 'DATE'}, null_padding = true);

-- What policies tell apart: sources and categories that one names (0: any other) and the spans between dates on which one begins or ends.
create temp table policy_sources as
select source, cast(row_number() over () as integer) as source_no from (select distinct source from policies where source is not null);

create temp table policy_categories as
select category, cast(row_number() over () as integer) as category_no from (select distinct category from policies where category is not null);

---------- the updates

create temp table lines as
with

parsed as (
    select
        file_no,
        landed_on,
        line,
        case when json_valid(line) then from_json(line, '{"ticket_id": "VARCHAR", "updated_at": "VARCHAR", "created_at": "VARCHAR",
            "status": "VARCHAR", "severity": "VARCHAR", "market": "VARCHAR", "source": "VARCHAR", "update_id": "VARCHAR", "event": "VARCHAR",
            "category": "VARCHAR", "channel": "VARCHAR", "product": "VARCHAR", "team": "VARCHAR", "agent_id": "VARCHAR", "customer_id": "VARCHAR",
            "vehicle_id": "VARCHAR", "subject": "VARCHAR", "sla_due_at": "VARCHAR", "sequence": "JSON", "satisfaction": "JSON"}') end as fields,
        is_strict
    from landed('ticket_updates')
),

fields as (
    select
        file_no, landed_on, line,
        fields is not null and is_strict as is_object,
        given(fields.ticket_id) as ticket_id,
        given(fields.updated_at) as updated_text,
        given(fields.created_at) as created_text,
        given(fields.status) as status,
        given(fields.severity) as severity,
        given(fields.market) as market,
        coalesce(given(fields.source), 'helpdesk') as source,
        given(fields.update_id) as update_id,
        given(fields.event) as event,
        given(fields.category) as category,
        given(fields.channel) as channel,
        given(fields.product) as product,
        given(fields.team) as team,
        given(fields.agent_id) as agent_id,
        given(fields.customer_id) as customer_id,
        given(fields.vehicle_id) as vehicle_id,
        given(fields.subject) as subject,
        given(fields.sla_due_at) as due_text,
        given_json(fields.sequence) as sequence_text,
        given_json(fields.satisfaction) as satisfaction_text
    from parsed
),

typed as (
    select
        *,
        to_moment(updated_text) as updated_at,
        to_moment(created_text) as created_at,
        to_moment(due_text) as due_at,
        to_integer(sequence_text) as sequence,
        to_integer(satisfaction_text) as satisfaction,
        cast(case severity when 'P1' then 1 when 'P2' then 2 when 'P3' then 3 when 'P4' then 4 end as utinyint) as severity_no
    from fields
),

checked as (
    select
        typed.*,
        code,
        market_no,
        category_no,
        source_no,
        coalesce(update_id, md5(line)) as identity,
        case
            when not is_object then case when given(line) is null then 'blank' else 'not_json' end
            when ticket_id is null then 'missing_ticket_id'
            when updated_text is null then 'missing_updated_at'
            when created_text is null then 'missing_created_at'
            when typed.status is null then 'missing_status'
            when severity is null then 'missing_severity'
            when typed.market is null then 'missing_market'
            when not coalesce(is_supported(updated_at), false) then 'bad_updated_at'
            when not coalesce(is_supported(created_at), false) then 'bad_created_at'
            when due_text is not null and not coalesce(is_supported(due_at), false) then 'bad_sla_due_at'
            when sequence_text is not null and sequence is null then 'bad_sequence'
            when satisfaction_text is not null and not coalesce(satisfaction between 1 and 5, false) then 'bad_satisfaction'
            when code is null then 'unknown_status'
            when severity_no is null then 'unknown_severity'
            when market_no is null then 'unknown_market'
            when greatest(updated_at, created_at) >= landed_on + 2 then 'in_the_future'
        end as reason
    from typed
    left join statuses on typed.status = statuses.status
    left join markets on typed.market = markets.market
    left join policy_categories on typed.category = policy_categories.category
    left join policy_sources on typed.source = policy_sources.source
)

select
    file_no,
    reason,
    case when reason is not null then line end as line,
    hash(source, ticket_id) as ticket,
    hash(source, identity) as change,
    identity as update_id,
    greatest(updated_at, created_at) as updated_at,
    created_at,
    coalesce(sequence, 0) as sequence,
    code,
    severity_no as severity,
    (coalesce(source_no, 0) * 1000 + coalesce(category_no, 0)) * 1000 + market_no as kind,
    cast(coalesce(list_position(['agent_reply', 'customer_reply', 'escalated', 'rated'], event), 0) as utinyint) as event,
    category,
    agent_id,
    team,
    cast(case when satisfaction between 1 and 5 then satisfaction end as utinyint) as satisfaction,
    due_at,
    source,
    ticket_id,
    channel,
    product,
    customer_id,
    vehicle_id,
    subject
from checked;

-- Of the lines with one identity all but the first landed. Of two lines of one file their texts would say which is first, and these are gone: no matter
-- if they say the same, as the generator's repetitions do. If they do not, this script gives up.
create temp table repetitions as
with

repeated as (
    select change from lines where reason is null group by change having count(*) > 1
),

ranked as (
    select
        lines.rowid as line_no,
        row_number() over in_order as place,
        lag(file_no) over in_order = file_no
        and lag(hash(lines)) over in_order <> hash(lines) as is_undecided
    from lines
    inner join repeated on lines.change = repeated.change
    where reason is null
    window in_order as (partition by lines.change order by file_no)
)

select
    case
        when is_undecided then error('Two lines of one file have one identity and differ: floor_tickets.sql cannot tell which is first.')
        else line_no
    end as line_no
from ranked
where place > 1;

---------- the moment of the report, and business time until well after it

create temp table now as
select
    coalesce(getvariable('as_of')::timestamp, max(updated_at)) as as_of,
    cast(min(created_at) as date) as first_day
from lines
where reason is null;

-- Stretches of business time, open or shut.
create temp table stretches as
with

reach as (
    select
        calendar,
        cast(ceil(coalesce((select max(target_minutes) from policies where hours = 'business'), 0) / sum(closes - opens)) as integer) as weeks
    from business_hours
    group by calendar
),

to_come as (
    select calendar, count(*) as holiday_count from holidays where holiday >= (select cast(as_of as date) from now) group by calendar
),

days as (
    select
        calendar,
        timezone,
        cast(unnest(generate_series(
            now.first_day - 2,
            cast(as_of as date) + 7 * (coalesce(weeks, 0) + coalesce(holiday_count, 0) + 3)::integer,
            interval 1 day
        )) as date) as day
    from calendars
    cross join now
    left join reach using (calendar)
    left join to_come using (calendar)
),

openings as (
    select
        calendar,
        epoch_us((day + to_minutes(opens)) at time zone timezone) as starts,
        epoch_us((day + to_minutes(closes)) at time zone timezone) as stops
    from days
    inner join business_hours using (calendar)
    anti join holidays on days.calendar = holidays.calendar and days.day = holidays.holiday
    where isodow(day) = iso_weekday
),

edges as (
    select calendar, epoch_us(day::timestamp) as starts, 0 as opened from days
    union all
    select calendar, starts, 1 from openings
    union all
    select calendar, stops, -1 from openings
),

merged as (
    select calendar, starts, sum(opened) as opened from edges group by calendar, starts
),

measured as (
    select
        calendar,
        starts,
        lead(starts) over in_time as stops,
        sum(opened) over in_time > 0 as is_open
    from merged
    window in_time as (partition by calendar order by starts)
),

counted as (
    select
        *,
        cast(coalesce(sum(case when is_open then stops - starts end) over (
            partition by calendar order by starts rows between unbounded preceding and 1 preceding
        ), 0) as bigint) as counted_before
    from measured
    where stops is not null
)

select
    market_no,
    starts,
    stops,
    is_open,
    counted_before
from counted
inner join markets using (calendar);

-- The longest step, in microseconds, of which all stretches are whole multiples: an hour, or a quarter of one. So each step lies in one stretch.
set variable step = (select list_reduce(list(distinct starts % 86400000000), lambda a, b: gcd(a, b)) from stretches);
set variable step = (select case when getvariable('step') = 0 then 86400000000 else getvariable('step') end);
set variable origin = (select min(starts) from stretches);

create temp table steps as
select
    unnest(range(
        (starts - getvariable('origin')) // getvariable('step'),
        (stops - getvariable('origin')) // getvariable('step')
    )) * 1000 + market_no as slot,
    case when is_open then counted_before - starts end as shift,
    case when not is_open then counted_before end as counted_before
from stretches;

-- The way back: when does a market's business time pass a count? By slots of four open hours.
create temp table passed as
select
    unnest(range(counted_before // 14400000000, (counted_before + stops - starts - 1) // 14400000000 + 1)) * 1000 + market_no as slot,
    starts - counted_before as shift,
    counted_before,
    counted_before + stops - starts as counted_after
from stretches
where is_open;

---------- policies

create temp table eras as
with

edges as (
    select distinct unnest([valid_from, valid_to]) as edge from policies
)

select day, cast(count(edge) as integer) as era
from (select distinct cast(created_at as date) as day from lines where reason is null) as days
left join edges on days.day >= edges.edge
group by day;

-- The rule in force for each era, kind of ticket, severity and metric that there can be. slot: (era, kind, severity).
create temp table rules as
select
    metric,
    (era::bigint * 1000000000 + (source_no * 1000 + category_no) * 1000 + market_no) * 8 + severity_no as slot,
    min(rule) as rule,
    arg_min(target, rule) as target,
    arg_min(hours, rule) = 'business' as is_business
from policies
inner join (select era, min(day) as day from eras group by era) as eras
    on coalesce(valid_from <= day, true) and coalesce(valid_to > day, true)
inner join markets on policies.market is null or policies.market = markets.market
inner join (select unnest([1, 2, 3, 4]) as severity_no) as severities
    on policies.severity is null or policies.severity = 'P' || severity_no
inner join (from policy_sources union all select null, 0) as sources
    on policies.source is null or policies.source = sources.source
inner join (from policy_categories union all select null, 0) as categories
    on policies.category is null or policies.category = categories.category
group by all;

---------- the states of each ticket, in order

set preserve_insertion_order = true;

-- One sort. A ticket whose first update is later than its creation begins with a state more, new. With each state comes what its market's business time
-- has counted by its start, and the resolution policy that it is under.
create temp table states as
with

sorted as (
    select
        ticket, updated_at, created_at, code, severity, kind, event, category, agent_id, team, satisfaction, due_at, lines.rowid as line_no
    from lines
    anti join repetitions on lines.rowid = repetitions.line_no
    where reason is null
    order by ticket, updated_at, sequence, update_id
),

neighbours as (
    select
        *,
        row_number() over () as update_no,
        lag(ticket) over () is distinct from ticket as is_first,
        case when lead(ticket) over () = ticket then lead(updated_at) over () end as stopped_at,
        lag(code) over () as code_before,
        lag(severity) over () as severity_before,
        lag(agent_id) over () as agent_before
    from sorted
),

carried as (
    select
        * exclude (created_at, kind, due_at, code_before, severity_before, agent_before),
        case when not is_first then code_before end as code_before,
        case when not is_first then severity_before end as severity_before,
        case when not is_first then agent_before end as agent_before,
        arg_max(created_at, case when is_first then update_no end) over so_far as created_at,
        arg_max(kind, case when is_first then update_no end) over so_far as kind,
        case
            when max(case when due_at is not null then update_no end) over so_far >= max(case when is_first then update_no end) over so_far
                then arg_max(due_at, update_no) over so_far
        end as deadline
    from neighbours
    window so_far as (rows unbounded preceding)
),

doubled as (
    select
        *,
        unnest(case when is_first and updated_at > created_at then [0, 1] else [1] end) as is_update
    from carried
),

numbered as (
    select
        update_no * 2 + is_update as state_no,
        ticket,
        line_no,
        is_update = 1 as is_update,
        is_first and (is_update = 0 or updated_at = created_at) as is_opening,
        created_at,
        case when is_update = 1 then updated_at else created_at end as started_at,
        case when is_update = 1 then stopped_at else updated_at end as stopped_at,
        case when is_update = 1 then code else (select code from statuses where status = 'new') end as code,
        case when is_update = 1 then code_before end as code_before,
        severity,
        case when is_update = 1 then severity_before end as severity_before,
        agent_id,
        case when is_update = 1 then agent_before end as agent_before,
        team,
        category,
        kind,
        case when is_update = 1 then event else 0 end as event,
        case when is_update = 1 then satisfaction end as satisfaction,
        deadline
    from doubled
)

select
    numbered.*,
    coalesce(epoch_us(started_at) + shift, counted_before) as started_open,
    case when deadline is not null then 0 else rule end as rule,
    case when deadline is null then target end as target,
    deadline is null and is_business as is_business
from numbered
inner join steps on (epoch_us(started_at) - getvariable('origin')) // getvariable('step') * 1000 + kind % 1000 = steps.slot
inner join eras on cast(created_at as date) = eras.day
left join (from rules where metric = 'resolution') as rules
    on (era::bigint * 1000000000 + kind) * 8 + severity = rules.slot;

create temp view counted as
with

following as (
    select
        *,
        case when stopped_at is not null then lead(started_open) over () end as stopped_open,
        code & 2 > 0 as is_open,
        is_update and code & 2 = 0 and coalesce(code_before & 2 > 0, true) as is_resolved,
        is_update and code & 2 > 0 and not coalesce(code_before & 2 > 0, true) as is_reopened,
        is_open and (stopped_at is null or stopped_at > started_at) as is_open_span,
        case when lag(state_no) over () > state_no then error('The states are not in order any more.') end as disorder
    from states
),

spans as (
    select
        *,
        is_open_span and rule is not null as is_ruled,
        case
            when not is_ruled or stopped_at is null or code & 1 = 0 then 0
            when is_business then stopped_open - started_open
            else epoch_us(stopped_at) - epoch_us(started_at)
        end as counted
    from following
)

select * from spans;

create temp table tickets as
select
    ticket,
    count(disorder) as disorder,
    max(kind) as kind,
    max(created_at) as created_at,
    max(started_at) as last_updated_at,
    min(started_open) as created_open,
    max(started_open) as last_open,
    max(case when stopped_at is null then line_no end) as line_no,
    max(case when stopped_at is null then code end) as code,
    max(case when is_opening then severity end) as first_severity,

    min(case when is_update and agent_id is not null then started_at end) as first_assigned_at,
    min(case when event = 1 then started_at end) as first_reply_at,
    min(case when event = 1 then started_open end) as first_reply_open,
    min(case when is_resolved then started_at end) as first_resolved_at,
    min(case when is_resolved then started_open end) as first_resolved_open,
    max(case when is_resolved then started_at end) as last_resolved_at,
    max(case when is_resolved then started_open end) as last_resolved_open,
    max(case when code = closed_code and coalesce(code_before, 0) <> closed_code then started_at end) as last_closed_at,
    max(state_no * 8 + satisfaction) % 8 as satisfaction,

    count_if(is_update) as update_count,
    count_if(event = 1) as agent_reply_count,
    count_if(event = 2) as customer_reply_count,
    count_if(is_reopened) as reopen_count,
    bool_or(is_update and (event = 3 or code = escalated_code)) as is_escalated,

    sum(case when code & 12 = 0 then epoch_us(stopped_at) - epoch_us(started_at) end)::bigint as working,
    sum(case when code & 12 = 4 then epoch_us(stopped_at) - epoch_us(started_at) end)::bigint as pending,
    sum(case when code & 12 = 8 then epoch_us(stopped_at) - epoch_us(started_at) end)::bigint as on_hold,

    -- The resolution clock: a state's number, rule and severity in one number, of which the highest is the last.
    sum(counted)::bigint as elapsed,
    bool_or(is_open_span) as was_open,
    max(case when is_ruled and stopped_at is not null then state_no * 1048576 + rule * 8 + severity end) & 1048575 as rule_over,
    max(case when is_ruled and stopped_at is null then rule * 8 + severity end) as rule_now,
    max(case when is_resolved then state_no * 1048576 + coalesce(rule, 131071) * 8 + severity end) & 1048575 as rule_resolved,
    max(case when is_ruled and stopped_at is null then deadline end) as deadline
from counted
cross join (
    select max(code) filter (status = 'closed') as closed_code, max(code) filter (status = 'escalated') as escalated_code from statuses
) as named_statuses
group by ticket;

-- When the resolution clock passes its target, sooner or later, if nothing changes.
create temp table breaches as
with

clocks as (
    select
        *,
        sum(counted) over (rows unbounded preceding) - counted as total_before,
        lag(ticket) over () is distinct from ticket as is_first
    from counted
    where is_ruled
),

candidates as (
    select
        *,
        cast(total_before - max(case when is_first then total_before end) over (rows unbounded preceding) as bigint) as elapsed_before
    from clocks
),

crossings as (
    select
        *,
        case
            when deadline is not null then greatest(started_at, deadline)
            when elapsed_before > target then started_at
            when code & 1 > 0 and not is_business then make_timestamp(epoch_us(started_at) + target - elapsed_before)
        end as moment,
        case
            when deadline is null and elapsed_before <= target and code & 1 > 0 and is_business
                then started_open + target - elapsed_before
        end as open_moment
    from candidates
    where stopped_at is null or deadline is not null or elapsed_before + counted > target
),

passings as (
    select
        ticket,
        severity,
        category,
        agent_id,
        coalesce(case when stopped_at is null or moment < stopped_at then moment end, make_timestamp(open_moment + shift)) as breaches_at
    from crossings
    left join passed
        on
            open_moment // 14400000000 * 1000 + kind % 1000 = passed.slot
            and open_moment >= counted_before
            and open_moment < counted_after
)

select
    ticket,
    min(breaches_at) as breaches_at,
    arg_min(severity, breaches_at) as severity,
    arg_min_null(category, breaches_at) as category,
    arg_min_null(agent_id, breaches_at) as agent_id
from passings
where breaches_at is not null
group by ticket;

create temp table ticket_keys as
select tickets.ticket, source || ':' || ticket_id as ticket_key
from lines
inner join tickets on lines.rowid = tickets.line_no;

create temp table now_open as
select
    market_no,
    as_of,
    coalesce(epoch_us(as_of) + shift, counted_before) as open_micros
from now
cross join markets
inner join steps on (epoch_us(as_of) - getvariable('origin')) // getvariable('step') * 1000 + market_no = steps.slot;

---------- facts

create table fct_tickets as
with

measured as (
    select
        * exclude (rule_over),
        code & 2 > 0 as is_open,
        code & 1 > 0 and rule_now is not null as is_running,
        case when was_open then rule_over when rule_resolved >> 3 < 131071 then rule_resolved end as rule_over,
        case when code & 2 > 0 then epoch_us(as_of) - epoch_us(last_updated_at) else 0 end as current_micros,
        case when breaches_at < as_of then breaches_at end as breached_at
    from tickets
    cross join now
    left join (select ticket, breaches_at from breaches) as breaches using (ticket)
)

select
    lines.source || ':' || lines.ticket_id as ticket_key,
    lines.source,
    lines.ticket_id,
    markets.market,
    'P' || lines.severity as severity,
    lines.category,
    lines.channel,
    lines.product,
    lines.team,
    lines.agent_id,
    lines.customer_id,
    lines.vehicle_id,
    lines.subject,
    statuses.status,
    is_open,
    measured.created_at,
    first_assigned_at,
    first_reply_at,
    first_resolved_at,
    case when not is_open then last_resolved_at end as resolved_at,
    case when status = 'closed' then last_closed_at end as closed_at,
    last_updated_at,
    update_count::integer as update_count,
    agent_reply_count::integer as agent_reply_count,
    customer_reply_count::integer as customer_reply_count,
    reopen_count::integer as reopen_count,
    coalesce(handoff_count, 0)::integer as handoff_count,
    is_escalated,
    measured.satisfaction::integer as satisfaction,
    (epoch_us(first_reply_at) - epoch_us(measured.created_at)) / 3.6e9 as first_reply_hours,
    (first_reply_open - created_open) / 3.6e9 as first_reply_business_hours,
    case when not is_open then (epoch_us(last_resolved_at) - epoch_us(measured.created_at)) / 3.6e9 end as resolution_hours,
    case when not is_open then (last_resolved_open - created_open) / 3.6e9 end as resolution_business_hours,
    (coalesce(working, 0) + case when measured.code & 12 = 0 then current_micros else 0 end) / 3.6e9 as working_hours,
    (coalesce(pending, 0) + case when measured.code & 12 = 4 then current_micros else 0 end) / 3.6e9 as pending_hours,
    (coalesce(on_hold, 0) + case when measured.code & 12 = 8 then current_micros else 0 end) / 3.6e9 as on_hold_hours,
    case when is_open then (epoch_us(as_of) - epoch_us(measured.created_at)) / 3.6e9 end as age_hours,
    case
        when deadline is not null then deadline
        when breached_at is not null or is_running then breaches_at
    end as resolution_due_at,
    breached_at as sla_breached_at,
    case when rule_over is not null or rule_now is not null then breached_at is not null end as is_sla_breached
from lines
inner join measured on lines.rowid = measured.line_no
inner join statuses on measured.code = statuses.code
inner join markets on measured.kind % 1000 = markets.market_no
left join (
    select ticket, count(*) as handoff_count
    from (
        select ticket, agent_id, lag(agent_id) over () as last_agent, lag(ticket) over () as ticket_before
        from states
        where is_update and agent_id is not null
    )
    where ticket = ticket_before and agent_id <> last_agent
    group by ticket
) as handoffs on measured.ticket = handoffs.ticket;

create table fct_ticket_periods as
with

compared as (
    select
        ticket, kind, started_at, started_open, code, severity, agent_id, team,
        lag(ticket) over () is distinct from ticket
        or lag(code) over () <> code
        or lag(severity) over () <> severity
        or lag(agent_id) over () is distinct from agent_id
        or lag(team) over () is distinct from team as is_change
    from states
    where stopped_at is null or stopped_at > started_at
),

periods as (
    select
        *,
        case when lead(ticket) over () = ticket then lead(started_at) over () end as ended_at,
        case when lead(ticket) over () = ticket then lead(started_open) over () end as ended_open
    from compared
    where is_change
)

select
    ticket_key,
    started_at as valid_from,
    ended_at as valid_to,
    status,
    'P' || severity as severity,
    agent_id,
    team,
    ended_at is null as is_current,
    (epoch_us(coalesce(ended_at, as_of)) - epoch_us(started_at)) / 3.6e9 as hours,
    (coalesce(ended_open, open_micros) - started_open) / 3.6e9 as business_hours
from periods
inner join ticket_keys using (ticket)
inner join statuses using (code)
inner join now_open on kind % 1000 = now_open.market_no;

create table fct_ticket_slas as
with

---------- replies

reply_events as (
    select
        *,
        event = 1 or code & 2 = 0 as ends_waiting,
        lag(event = 1 or code & 2 = 0) over () and lag(ticket) over () = ticket as is_after_end,
        max(case when event = 1 then state_no end) over (rows unbounded preceding) as last_reply_no,
        lag(ticket) over () is distinct from ticket as is_first
    from states
    where is_update and (event in (1, 2) or code & 2 = 0)
),

followed as (
    select
        *,
        last_reply_no >= max(case when is_first then state_no end) over (rows unbounded preceding) as is_after_reply
    from reply_events
),

waiting as (
    select
        *,
        case when lead(ticket) over () = ticket then lead(started_at) over () end as answered_at,
        case when lead(ticket) over () = ticket then lead(started_open) over () end as answered_open
    from followed
    where ends_waiting or (is_after_end and is_after_reply)
),

reply_spans as (
    select
        'first_reply' as metric,
        ticket,
        0 as span_no,
        kind,
        created_at,
        first_severity as severity,
        created_at as started_at,
        created_open as started_open,
        least(first_reply_at, first_resolved_at) as stopped_at,
        least(first_reply_open, first_resolved_open) as stopped_open
    from tickets

    union all

    select 'next_reply', ticket, state_no, kind, created_at, severity, started_at, started_open, answered_at, answered_open
    from waiting
    where not ends_waiting
),

reply_clocks as (
    select
        reply_spans.*,
        rule,
        is_business,
        case when is_business then coalesce(stopped_open, open_micros) - started_open
            else epoch_us(coalesce(stopped_at, as_of)) - epoch_us(started_at) end as elapsed,
        case when not is_business then make_timestamp(epoch_us(started_at) + target) end as moment,
        case when is_business and (stopped_at is null or stopped_open - started_open > target) then started_open + target end as open_moment,
        as_of
    from reply_spans
    inner join eras on cast(created_at as date) = eras.day
    inner join rules
        on reply_spans.metric = rules.metric and (era::bigint * 1000000000 + kind) * 8 + severity = rules.slot
    inner join now_open on kind % 1000 = now_open.market_no
),

reply_breaches as (
    select
        reply_clocks.*,
        coalesce(case when stopped_at is null or moment < stopped_at then moment end, make_timestamp(open_moment + shift)) as breaches_at
    from reply_clocks
    left join passed
        on
            open_moment // 14400000000 * 1000 + kind % 1000 = passed.slot
            and open_moment >= counted_before
            and open_moment < counted_after
),

replies as (
    select
        ticket,
        metric,
        case when metric = 'first_reply' then 1 else row_number() over (partition by ticket, metric order by span_no) end as instance,
        rule,
        severity,
        started_at,
        stopped_at,
        breaches_at,
        cast(null as timestamp) as deadline,
        stopped_at is null as is_running,
        elapsed,
        as_of
    from reply_breaches
),

---------- resolution

resolutions as (
    select
        * exclude (rule_over),
        case when was_open then rule_over when rule_resolved >> 3 < 131071 then rule_resolved end as rule_over,
        code & 1 > 0 and rule_now is not null as is_running,
        rule_now >> 3 = policies.rule and policies.hours = 'business' as is_business_now
    from tickets
    inner join now_open on kind % 1000 = now_open.market_no
    left join (select rule, hours from policies) as policies on rule_now >> 3 = policies.rule
    left join (select ticket, breaches_at from breaches) as breaches using (ticket)
),

resolution_clocks as (
    select
        ticket,
        'resolution' as metric,
        1 as instance,
        case when rule_now is not null and (last_updated_at < as_of or rule_over is null) then rule_now else rule_over end as judged_by,
        created_at as started_at,
        case when code & 2 = 0 then last_resolved_at end as stopped_at,
        breaches_at,
        deadline,
        is_running,
        elapsed + case
            when not is_running then 0
            when is_business_now then open_micros - last_open
            else epoch_us(as_of) - epoch_us(last_updated_at)
        end as elapsed,
        as_of
    from resolutions
    where rule_now is not null or rule_over is not null
),

clocks as (
    select * from replies
    union all
    select
        ticket, metric, instance, judged_by >> 3 as rule, judged_by & 7 as severity, started_at, stopped_at, breaches_at, deadline, is_running, elapsed, as_of
    from resolution_clocks
)

select
    ticket_key,
    clocks.metric,
    instance::integer as instance,
    coalesce(policy, 'source') as policy,
    target_minutes,
    coalesce(hours, 'calendar') as hours,
    'P' || clocks.severity as severity,
    started_at,
    stopped_at,
    case
        when deadline is not null then deadline
        when breaches_at < as_of or is_running then breaches_at
    end as due_at,
    case when breaches_at < as_of then breaches_at end as breached_at,
    elapsed / 6e7 as elapsed_minutes,
    case
        when breaches_at < as_of then 'breached'
        when stopped_at is not null then 'met'
        when is_running then 'active'
        else 'paused'
    end as state,
    coalesce(breaches_at < as_of, false) as is_breached
from clocks
inner join ticket_keys using (ticket)
left join policies on clocks.rule = policies.rule;

---------- daily tables

create temp table breached as
select
    cast(breaches_at as date) as day,
    breaches_at,
    breaches.ticket,
    market,
    'P' || severity as severity,
    coalesce(category, '(none)') as category,
    agent_id
from breaches
inner join (select ticket, kind from tickets) as tickets using (ticket)
inner join markets on kind % 1000 = markets.market_no
cross join now
where breaches_at < as_of;

create temp table moves as
select
    cast(started_at as date) as day,
    ticket,
    kind % 1000 as market_no,
    severity,
    category,
    is_opening,
    is_resolved,
    is_reopened,
    case when code_before & 2 > 0 and severity <> severity_before then severity_before end as severity_before,
    case when is_resolved then (epoch_us(started_at) - epoch_us(created_at)) / 3.6e9 end as resolution_hours,
    started_at
from counted
where is_opening or is_resolved or is_reopened or (code_before & 2 > 0 and severity <> severity_before);

create table ticket_kpis_daily as
select
    day,
    market,
    severity,
    category,
    sum(created)::integer as created,
    sum(resolved)::integer as resolved,
    sum(reopened)::integer as reopened,
    sum(sla_breached)::integer as sla_breached,
    avg(resolution_hours) as resolution_hours_avg,
    quantile_disc(resolution_hours, 0.5) as resolution_hours_median,
    quantile_disc(resolution_hours, 0.9) as resolution_hours_p90
from (
    select
        day,
        market,
        'P' || severity as severity,
        coalesce(category, '(none)') as category,
        is_opening::int as created,
        is_resolved::int as resolved,
        is_reopened::int as reopened,
        0 as sla_breached,
        resolution_hours
    from moves
    inner join markets using (market_no)
    where is_opening or is_resolved or is_reopened
    union all
    select day, market, severity, category, 0, 0, 0, 1, null from breached
)
group by day, market, severity, category;

create table backlog_daily as
with

cells as (
    select distinct kind % 1000 as market_no, severity from states where is_update
),

overdue_spans as (
    select
        kind % 1000 as market_no,
        states.severity,
        greatest(cast(started_at as date), breached.day) as first_day,
        cast(stopped_at as date) as last_day
    from states
    inner join breached using (ticket)
    where code & 2 > 0
),

changes as (
    select
        day,
        market_no,
        severity,
        is_opening::int as created,
        is_reopened::int as reopened,
        is_resolved::int as resolved,
        (severity_before is not null)::int as reclassified,
        0 as overdue
    from moves
    union all
    select day, market_no, severity_before, 0, 0, 0, -1, 0 from moves where severity_before is not null
    union all
    select first_day, market_no, severity, 0, 0, 0, 0, 1 from overdue_spans where last_day is null or first_day < last_day
    union all
    select last_day, market_no, severity, 0, 0, 0, 0, -1 from overdue_spans where first_day < last_day
),

daily as (
    select
        day, market_no, severity,
        sum(created) as created, sum(reopened) as reopened, sum(resolved) as resolved, sum(reclassified) as reclassified, sum(overdue) as overdue
    from changes
    group by day, market_no, severity
),

running as (
    select
        days.day,
        cells.market_no,
        cells.severity,
        coalesce(created, 0) as created,
        coalesce(reopened, 0) as reopened,
        coalesce(resolved, 0) as resolved,
        coalesce(reclassified, 0) as reclassified,
        sum(coalesce(created + reopened - resolved + reclassified, 0)) over in_time as closing,
        sum(coalesce(overdue, 0)) over in_time as overdue
    from (select cast(unnest(generate_series(first_day, cast(as_of as date), interval 1 day)) as date) as day from now) as days
    cross join cells
    left join daily on days.day = daily.day and cells.market_no = daily.market_no and cells.severity = daily.severity
    window in_time as (partition by cells.market_no, cells.severity order by days.day rows unbounded preceding)
)

select
    day,
    market,
    'P' || severity as severity,
    (closing - created - reopened + resolved - reclassified)::integer as opening,
    created::integer as created,
    reopened::integer as reopened,
    resolved::integer as resolved,
    reclassified::integer as reclassified,
    closing::integer as closing,
    overdue::integer as overdue
from running
inner join markets using (market_no);

create table agent_load_daily as
with

agent_states as (
    select * from counted where agent_id is not null
),

daily_moves as (
    select day, agent_id, sum(opened) as opened
    from (
        select cast(started_at as date) as day, agent_id, 1 as opened
        from agent_states
        where is_open and (stopped_at is null or cast(stopped_at as date) > cast(started_at as date))
        union all
        select cast(stopped_at as date), agent_id, -1
        from agent_states
        where is_open and cast(stopped_at as date) > cast(started_at as date)
    )
    group by day, agent_id
),

levels as (
    select
        agent_id,
        day as first_day,
        lead(day) over in_time as next_day,
        sum(opened) over in_time as open_at_end
    from daily_moves
    window in_time as (partition by agent_id order by day)
),

loads as (
    select
        cast(started_at as date) as day,
        agent_id,
        (is_update and agent_id <> coalesce(agent_before, ''))::int as assigned,
        is_resolved::int as resolved,
        (event = 1)::int as replies,
        0 as sla_breached,
        0 as open_at_end,
        case when event = 4 then satisfaction end as satisfaction
    from agent_states
    where is_update and (agent_id <> coalesce(agent_before, '') or is_resolved or event = 1 or (event = 4 and satisfaction is not null))
    union all
    select day, agent_id, 0, 0, 0, 1, 0, null from breached where agent_id is not null
    union all
    select
        cast(unnest(generate_series(first_day, coalesce(next_day - 1, cast(as_of as date)), interval 1 day)) as date),
        agent_id, 0, 0, 0, 0, open_at_end, null
    from levels
    cross join (select as_of from now) as now
    where open_at_end > 0
)

select
    day,
    agent_id,
    sum(assigned)::integer as assigned,
    sum(resolved)::integer as resolved,
    sum(replies)::integer as replies,
    sum(sla_breached)::integer as sla_breached,
    sum(open_at_end)::integer as open_at_end,
    avg(satisfaction) as satisfaction_avg
from loads
group by day, agent_id;

create table ops_metrics_daily as
with

days as (
    select
        day,
        sum(created) as created,
        sum(resolved) as resolved,
        sum(reopened) as reopened,
        sum(closing) as backlog,
        sum(overdue) as overdue_backlog
    from backlog_daily
    group by day
),

activity as (
    select
        cast(started_at as date) as day,
        count(*) as updates,
        count(distinct case when event = 1 or is_resolved then agent_id end) as active_agents
    from counted
    where is_update
    group by day
),

resolutions as (
    select
        moves.day,
        avg(case when breaches_at <= started_at then 1.0 else 0.0 end) as sla_breach_rate,
        quantile_disc(resolution_hours, 0.5) as resolution_hours_median
    from moves
    left join (select ticket, breaches_at from breaches) as breaches using (ticket)
    where is_resolved
    group by moves.day
),

first_replies as (
    select
        cast(first_reply_at as date) as day,
        quantile_disc((epoch_us(first_reply_at) - epoch_us(created_at)) / 3.6e9, 0.5) as first_reply_hours_median
    from tickets
    where first_reply_at is not null
    group by day
),

breached_days as (
    select day, count(*) as sla_breached from breached group by day
),

quarantine as (
    select landed_on as day, count(*) as quarantined
    from lines
    inner join files using (file_no)
    where reason <> 'blank'
    group by day
)

select
    day,
    created::integer as created,
    resolved::integer as resolved,
    reopened::integer as reopened,
    backlog::integer as backlog,
    overdue_backlog::integer as overdue_backlog,
    coalesce(sla_breached, 0)::integer as sla_breached,
    sla_breach_rate::double as sla_breach_rate,
    first_reply_hours_median,
    resolution_hours_median,
    coalesce(active_agents, 0)::integer as active_agents,
    coalesce(updates, 0)::integer as updates,
    coalesce(quarantined, 0)::integer as quarantined
from days
left join activity using (day)
left join resolutions using (day)
left join first_replies using (day)
left join breached_days using (day)
left join quarantine using (day);

---------- results of the source's own: the generator states none

create table source_agreement (
    source varchar,
    metric varchar,
    tickets integer,
    agree integer,
    differ integer,
    agree_share double,
    only_source integer,
    only_lake integer,
    difference_median double,
    difference_p90 double,
    difference_avg double
);

create table source_disagreements (
    ticket_key varchar, metric varchar, source varchar, source_value double, lake_value double, difference double
);

---------- the input

create table quarantined_lines as
select 'ticket_updates' as feed, landed_on, file, md5(line) as line_id, line, reason, count(*)::integer as occurrences
from lines
inner join files using (file_no)
where reason <> 'blank'
group by landed_on, file, line, reason;

create table ingestion_state as
select
    'ticket_updates' as feed,
    landed_on,
    count(distinct file_no)::integer as files,
    count(*)::integer as lines,
    count_if(reason is null and line_no is null)::integer as accepted,
    count(line_no)::integer as duplicates,
    count(reason)::integer as quarantined
from lines
inner join files using (file_no)
left join repetitions on lines.rowid = repetitions.line_no
where reason is distinct from 'blank'
group by landed_on;

---------- dimensions

create table dim_markets as
select market, market_name, calendar, timezone from markets inner join calendars using (calendar);

create table dim_agents as
select
    coalesce(known.agent_id, seen.agent_id) as agent_id, agent_name, region, team, known.agent_id is not null as is_known
from read_csv(getvariable('seeds') || '/agents.csv',
    columns = {agent_id: 'VARCHAR', agent_name: 'VARCHAR', region: 'VARCHAR', team: 'VARCHAR'}, null_padding = true) as known
full outer join (select distinct agent_id from states where agent_id is not null) as seen on known.agent_id = seen.agent_id;

create table dim_dates as
select
    day,
    year(day)::integer as year,
    quarter(day)::integer as quarter,
    month(day)::integer as month,
    date_trunc('month', day)::date as month_start,
    date_trunc('week', day)::date as week_start,
    isodow(day)::integer as iso_weekday,
    isodow(day) >= 6 as is_weekend
from (select cast(unnest(generate_series(first_day, cast(as_of as date), interval 1 day)) as date) as day from now);
