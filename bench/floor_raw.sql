-- The floor: the public models of ticketlake from the same landings and seeds, by three scripts, once: how lines are read, then floor_tickets.sql, then
-- floor_feeds.sql. It has no dbt, no tests and no way to add a day: it shows how much of a build's time the numbers themselves take. To be set before: lake
-- and seeds (folders).

set preserve_insertion_order = false;

create temp table files as
select
    filename,
    place.feed,
    landed_on,
    place.feed || '/dt=' || place.dt || '/' || place.name as file,
    cast(row_number() over (order by place.feed, place.dt, place.name) as integer) as file_no
from (
    select
        file as filename,
        regexp_extract(file, '([^/]+)/dt=([^/]*)/([^/]+)$', ['feed', 'dt', 'name']) as place
    from glob(getvariable('lake') || '/raw/*/dt=*/*.jsonl*')
),
lateral (select try_cast(place.dt as date) as landed_on)
where regexp_matches(place.dt, '^\d{4}-\d{2}-\d{2}$') and landed_on is not null and regexp_matches(place.name, '^[^_.].*\.jsonl(\.gz)?$');

-- DuckDB's parser takes what RFC 8259 does not: NaN, Infinity, a comma before a closing bracket.
create temp macro landed(feed) as table
select
    file_no,
    landed_on,
    line,
    case
        when not starts_with(line, '{') and not starts_with(ltrim(line, E' \t\r'), '{') then false
        when not (contains(line, 'NaN') or contains(line, 'Infinity') or regexp_matches(line, ',[ \t\r]*[}\]]')) then true
        else not regexp_matches(regexp_replace(line, '"(?:[^"\\]|\\.)*"', '""', 'g'), 'NaN|Infinity|,[ \t\r]*[}\]]')
    end as is_strict
from read_csv(getvariable('lake') || '/raw/' || feed || '/dt=*/*.jsonl*',
    columns = {line: 'VARCHAR'}, auto_detect = false, header = false, delim = E'\x01\x02\x03\x04', quote = '', escape = '',
    strict_mode = false, null_padding = true, max_line_size = 33554432, filename = true) as raw
inner join files using (filename);

---------- fields: null and blank strings are absent, what cannot be read is null

create temp macro given(x) as case when x < '!' and trim(x, E' \t\n\x0b\x0c\r') = '' then null else x end;
-- JSON text, which DuckDB would compare and cast as JSON if it did not know it for text.
create temp macro given_json(x) as
    case
        when x::varchar = 'null' then null
        when starts_with(x, '"') and given(json_extract_string(x, '$')) is null then null
        else x::varchar
    end;
create temp macro to_moment(x) as
    case
        when regexp_matches(x, '^\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)$')
            then make_timestamp(epoch_us(try_cast(x as timestamptz)))
    end;
create temp macro is_supported(x) as
    x between timestamp '0001-01-01 00:00:00' and timestamp '9999-12-31 23:59:59.999999';
create temp macro to_integer(x) as case when regexp_matches(x, '^-?\d+$') then try_cast(x as bigint) end;
-- JSON text that begins with a digit or a minus is a number.
create temp macro to_number(x) as case when x >= '-' and x < ':' and isfinite(try_cast(x as double)) then try_cast(x as double) end;
