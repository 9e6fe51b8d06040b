-- The floor's support logs, calls and service records: what floor_raw.sql reads of them, computed once, upon the tables of floor_tickets.sql.
--
-- The lines of a feed are read, checked and kept once; its fact is what remains without the refused and the repeated ones, and all else is computed from
-- the fact. Parts and failure codes are parsed together with their line and unnested where they are counted. Of repeated lines of one file any is taken,
-- since the generator's say the same.

reset disabled_optimizers;
set preserve_insertion_order = false;

---------- support logs

create temp table log_lines as
with

fields as (
    select
        file_no, landed_on, line,
        fields is not null and is_strict as is_object,
        given(fields.log_id) as log_id,
        given(fields.ticket_id) as ticket_id,
        coalesce(given(fields.source), 'helpdesk') as source,
        given(fields.logged_at) as logged_text,
        given(fields.log_level) as log_level,
        given(fields.component) as component,
        given(fields.message) as message,
        given_json(fields.response_time_ms) as response_text,
        given_json(fields.cpu_percent) as cpu_text
    from (
        select
            *,
            case when json_valid(line) then from_json(line, '{"log_id": "VARCHAR", "ticket_id": "VARCHAR", "source": "VARCHAR", "logged_at": "VARCHAR",
                "log_level": "VARCHAR", "component": "VARCHAR", "message": "VARCHAR", "response_time_ms": "JSON", "cpu_percent": "JSON"}') end as fields
        from landed('support_logs')
    )
),

typed as (
    select
        *,
        to_moment(logged_text) as logged_at,
        to_number(response_text) as response_time_ms,
        to_number(cpu_text) as cpu_percent
    from fields
),

checked as (
    select
        *,
        case
            when not is_object then case when given(line) is null then 'blank' else 'not_json' end
            when log_id is null then 'missing_log_id'
            when ticket_id is null then 'missing_ticket_id'
            when logged_text is null then 'missing_logged_at'
            when log_level is null then 'missing_log_level'
            when not coalesce(is_supported(logged_at), false) then 'bad_logged_at'
            when response_text is not null and response_time_ms is null then 'bad_response_time_ms'
            when cpu_text is not null and cpu_percent is null then 'bad_cpu_percent'
            when log_level not in ('DEBUG', 'INFO', 'WARN', 'ERROR') then 'unknown_log_level'
            when response_time_ms < 0 then 'out_of_range_response_time_ms'
            when cpu_percent not between 0 and 100 then 'out_of_range_cpu_percent'
            when logged_at >= landed_on + 2 then 'in_the_future'
        end as reason
    from typed
)

select
    file_no,
    reason,
    case when reason is not null then line end as line,
    hash(log_id) as identity,
    log_id,
    source || ':' || ticket_id as ticket_key,
    source,
    ticket_id,
    logged_at,
    log_level,
    component,
    message,
    response_time_ms,
    cpu_percent
from checked;

create temp table log_repetitions as
select rowid as line_no
from log_lines
where reason is null and identity in (select identity from log_lines where reason is null group by identity having count(*) > 1)
qualify row_number() over (partition by identity order by file_no) > 1;

create table fct_support_logs as
select
    log_id, ticket_key, source, ticket_id, logged_at, log_level, component, message, response_time_ms, cpu_percent,
    tickets.ticket_key is null as is_orphan
from log_lines
anti join log_repetitions on log_lines.rowid = log_repetitions.line_no
left join (select ticket_key from fct_tickets) as tickets using (ticket_key)
where reason is null;

create table ticket_log_health as
with

by_ticket as (
    select
        ticket_key,
        count(*)::integer as log_count,
        count_if(log_level = 'ERROR')::integer as error_count,
        quantile_disc(response_time_ms, [0.5, 0.95]) as ranks,
        max(response_time_ms) as response_time_ms_max,
        avg(cpu_percent) as cpu_percent_avg,
        max(cpu_percent) as cpu_percent_max,
        min(logged_at) filter (log_level = 'ERROR') as first_error_at,
        bool_or(is_orphan) as is_orphan
    from fct_support_logs
    group by ticket_key
),

open_periods as (
    select ticket_key, valid_from, valid_to
    from fct_ticket_periods
    inner join read_csv(getvariable('seeds') || '/ticket_statuses.csv') as statuses using (status)
    where statuses.is_open
),

-- A ticket is in one period at a time: an error meets one at most.
errors as (
    select
        logs.ticket_key,
        count_if(first_reply_at is null or logged_at < first_reply_at)::integer as before_first_reply,
        count(valid_from)::integer as while_open
    from fct_support_logs as logs
    inner join fct_tickets as tickets using (ticket_key)
    left join open_periods
        on logs.ticket_key = open_periods.ticket_key and logged_at >= valid_from and (valid_to is null or logged_at < valid_to)
    where log_level = 'ERROR'
    group by logs.ticket_key
)

select
    ticket_key,
    log_count,
    error_count,
    error_count / log_count as error_rate,
    ranks[1] as response_time_ms_p50,
    ranks[2] as response_time_ms_p95,
    response_time_ms_max,
    cpu_percent_avg,
    cpu_percent_max,
    first_error_at,
    case when not is_orphan then coalesce(before_first_reply, 0) end as errors_before_first_reply,
    case when not is_orphan then coalesce(while_open, 0) end as errors_while_open
from by_ticket
left join errors using (ticket_key);

create table log_health_daily as
select
    cast(logged_at as date) as day,
    coalesce(component, '(none)') as component,
    count(*)::integer as logs,
    count_if(log_level = 'ERROR')::integer as errors,
    count_if(log_level = 'ERROR') / count(*) as error_rate,
    quantile_disc(response_time_ms, 0.5) as response_time_ms_p50,
    quantile_disc(response_time_ms, 0.95) as response_time_ms_p95,
    avg(cpu_percent) as cpu_percent_avg,
    count(distinct ticket_key)::integer as tickets,
    (count(distinct ticket_key) filter (log_level = 'ERROR'))::integer as tickets_with_errors
from fct_support_logs
group by 1, 2;

---------- calls

create temp table agents as
select *
from read_csv(getvariable('seeds') || '/agents.csv',
    columns = {agent_id: 'VARCHAR', agent_name: 'VARCHAR', region: 'VARCHAR', team: 'VARCHAR'}, null_padding = true);

create temp table call_lines as
with

fields as (
    select
        file_no, line,
        fields is not null and is_strict as is_object,
        given(fields.call_id) as call_id,
        given(fields.agent_id) as agent_id,
        given(fields.customer_id) as customer_id,
        given(fields.start_time) as start_text,
        given(fields.end_time) as end_text,
        given(fields.ticket_id) as ticket_id,
        coalesce(given(fields.source), 'helpdesk') as source,
        given(fields.issue_type) as issue_type,
        given(fields.resolution) as resolution,
        given_json(fields.rating) as rating_text
    from (
        select
            *,
            case when json_valid(line) then from_json(line, '{"call_id": "VARCHAR", "agent_id": "VARCHAR", "customer_id": "VARCHAR",
                "start_time": "VARCHAR", "end_time": "VARCHAR", "ticket_id": "VARCHAR", "source": "VARCHAR", "issue_type": "VARCHAR",
                "resolution": "VARCHAR", "rating": "JSON"}') end as fields
        from landed('calls')
    )
),

typed as (
    select
        *,
        to_moment(start_text) as start_time,
        to_moment(end_text) as end_time,
        to_number(rating_text) as rating
    from fields
),

checked as (
    select
        *,
        case
            when not is_object then case when given(line) is null then 'blank' else 'not_json' end
            when call_id is null then 'missing_call_id'
            when agent_id is null then 'missing_agent_id'
            when customer_id is null then 'missing_customer_id'
            when start_text is null then 'missing_start_time'
            when end_text is null then 'missing_end_time'
            when not coalesce(is_supported(start_time), false) then 'bad_start_time'
            when not coalesce(is_supported(end_time), false) then 'bad_end_time'
            when rating_text is not null and rating is null then 'bad_rating'
            when end_time <= start_time then 'not_positive_duration'
            when rating not between 1 and 5 then 'out_of_range_rating'
        end as reason
    from typed
)

select
    file_no,
    reason,
    case when reason is not null then line end as line,
    hash(call_id) as identity,
    call_id,
    source || ':' || ticket_id as ticket_key,
    agent_id,
    customer_id,
    start_time,
    end_time,
    issue_type,
    resolution,
    rating
from checked;

create temp table call_repetitions as
select rowid as line_no
from call_lines
where reason is null and identity in (select identity from call_lines where reason is null group by identity having count(*) > 1)
qualify row_number() over (partition by identity order by file_no) > 1;

create table fct_calls as
select
    call_id,
    ticket_key,
    customer_id,
    call_lines.agent_id,
    agent_name,
    region,
    team,
    start_time,
    end_time,
    cast((epoch_us(end_time) - epoch_us(start_time) + 300000) // 600000 / 100 as decimal(18, 2)) as call_duration_minutes,
    cast(start_time as date) as call_date,
    hour(start_time)::integer as hour_of_day,
    issue_type,
    resolution,
    rating
from call_lines
anti join call_repetitions on call_lines.rowid = call_repetitions.line_no
left join agents on call_lines.agent_id = agents.agent_id
where reason is null;

create table call_kpis_daily as
select
    call_date,
    coalesce(region, '(none)') as region,
    coalesce(issue_type, '(none)') as issue_type,
    count(*)::integer as calls,
    sum(call_duration_minutes)::double as minutes,
    avg(call_duration_minutes) as minutes_avg,
    quantile_disc(call_duration_minutes, 0.5)::double as minutes_median,
    quantile_disc(call_duration_minutes, 0.9)::double as minutes_p90,
    avg(coalesce(resolution = 'resolved', false)::int) as resolved_share,
    avg(coalesce(resolution = 'escalated', false)::int) as escalated_share,
    avg(rating) as rating_avg,
    count(rating)::integer as rated_calls,
    count(distinct customer_id)::integer as customers
from fct_calls
group by 1, 2, 3;

-- Decimals are summed exactly, so that what is equal ties.
create table agent_call_ranking as
with

totals as (
    select
        agent_id,
        any_value(agent_name) as agent_name,
        any_value(region) as region,
        any_value(team) as team,
        count(*)::integer as calls,
        sum(call_duration_minutes)::double / count(*) as minutes_avg,
        sum(rating::decimal(18, 9))::double / nullif(count(rating), 0) as rating_avg,
        count(rating)::integer as rated_calls,
        avg(coalesce(resolution = 'resolved', false)::int) as resolved_share,
        avg(coalesce(resolution = 'escalated', false)::int) as escalated_share
    from fct_calls
    group by agent_id
),

ranks as (
    select
        agent_id,
        rank() over (order by calls desc)::integer as rank_calls,
        rank() over (order by round(minutes_avg, 9))::integer as rank_minutes_avg,
        case when rating_avg is not null then rank() over (order by round(rating_avg, 9) desc nulls last)::integer end as rank_rating_avg,
        rank() over (order by rated_calls desc)::integer as rank_rated_calls,
        rank() over (order by round(resolved_share, 9) desc)::integer as rank_resolved_share,
        rank() over (order by round(escalated_share, 9))::integer as rank_escalated_share
    from totals
    where calls >= 20
)

select * from totals left join ranks using (agent_id);

insert into dim_agents (agent_id, is_known)
select distinct agent_id, false from fct_calls where agent_id not in (select agent_id from dim_agents);

---------- service records

create temp macro part_is_bad(part) as
    part.part_code is null or coalesce(part.quantity, 0) <= 0 or (part.has_price and coalesce(part.unit_price, -1) < 0);
create temp macro code_is_bad(code) as not starts_with(code, '"') and to_integer(code) is null;

create temp table record_lines as
with

fields as (
    select
        file_no, landed_on, line,
        fields is not null and is_strict as is_object,
        given(fields.service_record_id) as service_record_id,
        given(fields.dealership_id) as dealership_id,
        given(fields.vehicle_id) as vehicle_id,
        given(fields.serviced_at) as serviced_text,
        given(fields.service_type) as service_type,
        given(fields.vehicle_model) as vehicle_model,
        given(fields.technician_id) as technician_id,
        given(fields.city) as city,
        given(fields.notes) as notes,
        given(fields.currency) as currency,
        given_json(fields.odometer_km) as odometer_text,
        given_json(fields.labor_hours) as hours_text,
        given_json(fields.labor_cost) as labor_text,
        given_json(fields.is_warranty) as warranty_text,
        [
            {
                'part_code': given(part.part_code),
                'part_name': given(part.part_name),
                'quantity': to_number(part.quantity::varchar),
                'unit_price': to_number(part.unit_price::varchar),
                'has_price': given_json(part.unit_price) is not null
            }
            for part in fields.parts
        ] as parts,
        [code for code in [given_json(given_code) for given_code in fields.failure_codes] if code is not null] as codes
    from (
        select
            *,
            case when json_valid(line) then from_json(line, '{"service_record_id": "VARCHAR", "dealership_id": "VARCHAR", "vehicle_id": "VARCHAR",
                "serviced_at": "VARCHAR", "service_type": "VARCHAR", "odometer_km": "JSON", "vehicle_model": "VARCHAR", "technician_id": "VARCHAR",
                "city": "VARCHAR", "notes": "VARCHAR", "failure_codes": ["JSON"],
                "parts": [{"part_code": "VARCHAR", "part_name": "VARCHAR", "quantity": "JSON", "unit_price": "JSON"}],
                "labor_hours": "JSON", "labor_cost": "JSON", "currency": "VARCHAR", "is_warranty": "JSON"}') end as fields
        from landed('service_records')
    )
),

typed as (
    select
        *,
        to_moment(serviced_text) as serviced_at,
        to_number(odometer_text) as odometer_km,
        to_number(hours_text) as labor_hours,
        to_number(labor_text) as labor_cost,
        case warranty_text when 'true' then true when 'false' then false end as is_warranty,
        -- A list that could not be read, unlike one that was not given, stands in the line.
        case when parts is null and contains(line, '"parts"') then given_json(json_extract(line, '$.parts')) is not null end as parts_unread,
        case when codes is null and contains(line, '"failure_codes"') then given_json(json_extract(line, '$.failure_codes')) is not null end as codes_unread
    from fields
),

checked as (
    select
        typed.*,
        case
            when not is_object then case when given(line) is null then 'blank' else 'not_json' end
            when service_record_id is null then 'missing_service_record_id'
            when dealership_id is null then 'missing_dealership_id'
            when vehicle_id is null then 'missing_vehicle_id'
            when serviced_text is null then 'missing_serviced_at'
            when service_type is null then 'missing_service_type'
            when not coalesce(is_supported(serviced_at), false) then 'bad_serviced_at'
            when odometer_text is not null and odometer_km is null then 'bad_odometer_km'
            when hours_text is not null and labor_hours is null then 'bad_labor_hours'
            when labor_text is not null and labor_cost is null then 'bad_labor_cost'
            when typed.currency is not null and currencies.currency is null then 'bad_currency'
            when warranty_text is not null and is_warranty is null then 'bad_is_warranty'
            when service_type not in ('maintenance', 'repair', 'recall', 'inspection', 'warranty') then 'unknown_service_type'
            when odometer_km < 0 then 'out_of_range_odometer_km'
            when labor_hours < 0 then 'out_of_range_labor_hours'
            when labor_cost < 0 then 'out_of_range_labor_cost'
            when parts_unread or len([1 for part in parts if part_is_bad(part)]) > 0 then 'bad_parts'
            when codes_unread or len([1 for code in codes if code_is_bad(code)]) > 0 then 'bad_failure_codes'
            when typed.currency is null and (labor_cost is not null or len([1 for part in parts if part.unit_price is not null]) > 0)
                then 'missing_currency'
            when serviced_at >= landed_on + 2 then 'in_the_future'
        end as reason
    from typed
    left join (select currency from read_csv(getvariable('seeds') || '/currencies.csv')) as currencies on typed.currency = currencies.currency
)

select
    file_no,
    landed_on,
    reason,
    case when reason is not null then line end as line,
    hash(service_record_id) as identity,
    service_record_id,
    dealership_id,
    vehicle_id,
    technician_id,
    serviced_at,
    service_type,
    odometer_km,
    vehicle_model,
    city,
    notes,
    is_warranty,
    labor_hours,
    labor_cost,
    currency,
    parts,
    list_distinct([case when starts_with(code, '"') then json_extract_string(code, '$') else code end for code in codes]) as codes
from checked;

create temp table record_repetitions as
select rowid as line_no
from record_lines
where reason is null and identity in (select identity from record_lines where reason is null group by identity having count(*) > 1)
qualify row_number() over (partition by identity order by file_no) > 1;

create temp view records as
from record_lines
anti join record_repetitions on record_lines.rowid = record_repetitions.line_no
where reason is null;

create table fct_service_records as
select
    service_record_id,
    dealership_id,
    vehicle_id,
    technician_id,
    serviced_at,
    service_type,
    odometer_km,
    vehicle_model,
    city,
    notes,
    is_warranty,
    coalesce(len(codes), 0) as failure_count,
    coalesce(len(parts), 0) as parts_count,
    coalesce(list_sum([part.quantity * part.unit_price for part in parts]), 0) as parts_cost,
    labor_hours,
    labor_cost,
    parts_cost + coalesce(labor_cost, 0) as total_cost,
    currency
from records;

create table fct_service_parts as
select
    service_record_id,
    line::integer as line,
    part.part_code,
    vehicle_id,
    serviced_at,
    part.part_name,
    part.quantity,
    part.unit_price,
    part.quantity * part.unit_price as cost,
    currency,
    landed_on
from (
    select *, unnest(parts) as part, generate_subscripts(parts, 1) as line from (select * exclude (line) from records where len(parts) > 0)
);

create table fct_service_failures as
select
    service_record_id, unnest(codes) as failure_code, vehicle_id, vehicle_model, serviced_at, coalesce(is_warranty, false) as is_warranty, landed_on
from records
where len(codes) > 0;

---------- vehicles and dealerships

create temp table vehicles as
select
    vehicle_id,
    count(*)::integer as services,
    min(serviced_at) as first_serviced_at,
    max(serviced_at) as last_serviced_at,
    arg_max(vehicle_model, (serviced_at, service_record_id)) as vehicle_model,
    arg_max(odometer_km, (serviced_at, service_record_id)) as last_odometer_km,
    coalesce(bool_or(odometer_km < highest_before), false) as odometer_ran_back,
    count(distinct dealership_id)::integer as dealerships,
    count_if(service_type = 'repair')::integer as repairs
from (
    select
        *,
        max(odometer_km) over (
            partition by vehicle_id order by serviced_at range between unbounded preceding and interval 1 microsecond preceding
        ) as highest_before
    from fct_service_records
)
group by vehicle_id;

create temp table vehicle_tickets as
select vehicle_id, count(*)::integer as tickets, count_if(is_open)::integer as open_tickets
from fct_tickets
where vehicle_id is not null
group by vehicle_id;

create table dim_vehicles as
select
    vehicle_id,
    vehicle_model,
    first_serviced_at,
    last_serviced_at,
    services is not null as has_service_records,
    tickets is not null as has_tickets
from vehicles
full outer join vehicle_tickets using (vehicle_id);

create table vehicle_service_history as
with

costs as (
    select vehicle_id, currency, sum(total_cost) as total_cost
    from fct_service_records
    where currency is not null
    group by vehicle_id, currency
),

costs_by_vehicle as (
    select vehicle_id, map_from_entries(list_sort(list({'key': currency, 'value': total_cost}))) as total_cost_by_currency
    from costs
    group by vehicle_id
)

select
    vehicle_id,
    vehicle_model,
    services,
    first_serviced_at,
    last_serviced_at,
    last_odometer_km,
    odometer_ran_back,
    dealerships,
    repairs,
    coalesce(total_cost_by_currency, map([]::varchar[], []::double[])) as total_cost_by_currency,
    coalesce(tickets, 0) as tickets,
    coalesce(open_tickets, 0) as open_tickets
from vehicles
left join costs_by_vehicle using (vehicle_id)
left join vehicle_tickets using (vehicle_id);

create table dim_dealerships as
select
    dealership_id,
    arg_max(city, (serviced_at, service_record_id)) as city,
    min(serviced_at) as first_serviced_at,
    max(serviced_at) as last_serviced_at
from fct_service_records
group by dealership_id;

---------- by month

create table failures_monthly as
select
    date_trunc('month', serviced_at)::date as month,
    coalesce(vehicle_model, '(none)') as vehicle_model,
    failure_code,
    any_value(failure_name) as failure_name,
    count(*)::integer as records,
    count(distinct vehicle_id)::integer as vehicles,
    count_if(is_warranty) / count(*) as warranty_share,
    count_if(repeats) / count(*) as repeat_share
from (
    select
        *,
        count(*) over (
            partition by vehicle_id, failure_code order by serviced_at
            range between interval 90 days preceding and interval 1 microsecond preceding
        ) > 0 as repeats
    from fct_service_failures
)
left join (
    select failure_code, failure_name from read_csv(getvariable('seeds') || '/failure_codes.csv', all_varchar = true)
) as catalogue using (failure_code)
group by 1, 2, 3;

create table part_usage_monthly as
with

by_currency as (
    select
        date_trunc('month', serviced_at)::date as month,
        part_code,
        currency,
        count(distinct service_record_id) as records,
        sum(quantity) as quantity,
        sum(cost) as cost
    from fct_service_parts
    group by 1, 2, 3
),

monthly as (
    select
        month,
        part_code,
        sum(records)::integer as records,
        sum(quantity) as quantity,
        coalesce(
            map_from_entries(list_sort(list({'key': currency, 'value': cost}) filter (currency is not null and cost is not null))),
            map([]::varchar[], []::double[])
        ) as cost_by_currency
    from by_currency
    group by month, part_code
)

select
    month,
    part_code,
    part_name,
    records,
    quantity,
    cost_by_currency,
    coalesce(sum(quantity) over (
        partition by part_code order by month range between interval 1 month preceding and interval 1 month preceding
    ), 0) as quantity_previous_month,
    quantity / nullif(sum(quantity) over (
        partition by part_code order by month range between interval 3 months preceding and interval 1 month preceding
    ) / 3, 0) as trend
from monthly
left join (select part_code, part_name from read_csv(getvariable('seeds') || '/parts.csv', all_varchar = true)) as catalogue using (part_code);

create table service_costs_monthly as
select
    date_trunc('month', serviced_at)::date as month,
    dealership_id,
    service_type,
    coalesce(currency, '(none)') as currency,
    count(*)::integer as records,
    sum(parts_cost) as parts_cost,
    coalesce(sum(labor_cost), 0) as labor_cost,
    avg(total_cost) as total_cost_avg,
    quantile_disc(total_cost, 0.5) as total_cost_median,
    quantile_disc(total_cost, 0.9) as total_cost_p90
from fct_service_records
group by 1, 2, 3, 4;

---------- the input

create temp table feed_lines as
select file_no, reason, line, line_no is not null as is_repetition
from log_lines
left join log_repetitions on log_lines.rowid = log_repetitions.line_no
where reason is distinct from 'blank'
union all
select file_no, reason, line, line_no is not null
from call_lines
left join call_repetitions on call_lines.rowid = call_repetitions.line_no
where reason is distinct from 'blank'
union all
select file_no, reason, line, line_no is not null
from record_lines
left join record_repetitions on record_lines.rowid = record_repetitions.line_no
where reason is distinct from 'blank';

insert into quarantined_lines
select feed, landed_on, file, md5(line) as line_id, line, reason, count(*)::integer as occurrences
from feed_lines
inner join files using (file_no)
where reason is not null
group by feed, landed_on, file, line, reason;

insert into ingestion_state
select
    feed,
    landed_on,
    count(distinct file_no)::integer as files,
    count(*)::integer as lines,
    count_if(reason is null and not is_repetition)::integer as accepted,
    count_if(is_repetition)::integer as duplicates,
    count(reason)::integer as quarantined
from feed_lines
inner join files using (file_no)
group by feed, landed_on;
