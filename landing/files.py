"""CSV and JSON lines, by a mapping, to updates: checked as a whole first, then piece by piece, in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from landing import Refused, reading
from landing.checking import Check
from landing.contract import INTEGERS, LISTED, REQUIRED, TYPES, UPDATES, WHITE_SPACE, Reference, quoted, too_late, typed
from landing.core import Batch
from landing.ledger import today
from landing.mapping import MOMENTS, Field, Mapping, meant
from landing.redact import prepare, redacted
from landing.times import Zone, moment, wall_time

MEMORY = "512MB"
ROWS = 60_000  # of a piece, at most
_IN_LIFE = ("created_at", *MOMENTS)
_STATE = tuple(
    name for name in TYPES if name not in ("updated_at", "created_at", "update_id", "sequence", "event", "satisfaction")
)


class Files:
    """Files of one kind, csv or jsonl, that a mapping describes.

    Refused if a file cannot be read, or is not what the mapping says.
    """

    def __init__(self, kind: str, paths: list[Path], mapping: Mapping, reference: Reference):
        self._kind, self._paths, self._mapping, self._reference = kind, paths, mapping, reference
        self._fields = mapping.fields

    # ---------- the check

    def check(self, tell: Callable[[str], None] = lambda text: None) -> None:
        """Reads the files once. Refused with all in which they and the mapping do not agree."""
        with self._connected() as connection:
            check = Check(connection, self._mapping, self._fields, self._reference)
            if problems := self._headers() + check.formats():
                raise Refused("\n".join(problems))
            present, keys = set(), []
            for path in self._paths:
                for piece in self._pieces(path):
                    self._texts_of(connection, piece)
                    if self._kind == "jsonl":
                        self._look_at_keys(connection, present, keys)
                    self._look_at_values(connection, path, check)
                    check.look_at_times(path)
                    check.look_at_results(path)
                if self._kind == "jsonl":
                    problems += [
                        f"{one.place}: no line of {path} has {one.column!r}." + meant(one.column, tuple(keys))
                        for one in self._fields.values()
                        if one.column is not None and one.column not in present and not one.column.startswith("/")
                    ]
                tell(f"{path}: checked")
        if problems := problems + check.problems():
            raise Refused("\n".join(problems))
        for line in check.left_out():
            tell(line)

    def _headers(self) -> list[str]:
        if self._kind != "csv":
            return []
        problems, mapping = [], self._mapping
        for path in self._paths:
            header = reading.csv_header(path, mapping.encoding, mapping.delimiter, mapping.quote)
            for one in self._fields.values():
                if one.column is not None and header.count(one.column) != 1:
                    problem = "names it more than once. Rename one" if one.column in header else "has no such column"
                    known = (
                        ""
                        if one.column in header
                        else f"{meant(one.column, tuple(header))} It has: {', '.join(header)}."
                    )
                    problems.append(f"{one.place}: column {one.column!r}: {path} {problem}.{known}")
        return problems

    def _texts_of(self, connection: duckdb.DuckDBPyConnection, piece: reading.Piece) -> None:
        """Makes of a piece the table `texts`."""
        connection.register("piece", piece.rows)
        connection.execute(f"create or replace temp table texts as {self._texts()}")
        connection.unregister("piece")

    def _look_at_keys(self, connection: duckdb.DuckDBPyConnection, present: set[str], keys: list[str]) -> None:
        """Which columns are there, and some of the keys that objects have."""
        if not keys:
            some = connection.execute("select distinct unnest(json_keys(object)) from texts limit 500")
            keys += [key for (key,) in some.fetchall()]
        names = [one for one in self._fields.values() if one.column is not None and one.column not in present]
        if names:
            exists = ", ".join(f"bool_or(json_exists(object, {quoted(_pointer(one.column))}))" for one in names)
            exist = connection.execute(f"select {exists} from texts").fetchall()[0]
            present |= {one.column for one, is_there in zip(names, exist, strict=True) if is_there}

    def _look_at_values(self, connection: duckdb.DuckDBPyConnection, path: Path, check: Check) -> None:
        for one in check.mapped:
            if not check.has_many(one):
                text = f"t_{one.name}"
                rows = connection.execute(
                    f"select {text}, count(*), min(line) from texts where {text} is not null group by all"
                )
                for value, count, line in rows.fetchall():
                    check.take(one, value, count, path, line)

    # ---------- the updates

    def batches(self, run: int) -> Iterator[Batch]:
        """The updates of all files. run: the number of the landing; a ticket's later state has a higher sequence."""
        connection = self._connected()
        prepare(connection, self._mapping.redact)
        zone = Zone(connection, self._mapping.zone)
        for number, path in enumerate(self._paths):
            for piece in self._pieces(path):
                connection.register("piece", piece.rows)
                connection.execute(f"""
                    create or replace temp table rows as
                    with texts as ({self._texts()}), read as ({self._read(zone)}) {self._rows(path)}
                """)
                connection.unregister("piece")
                updates = connection.sql(self._updates(run)).to_arrow_table()
                if piece.bad:
                    lines, reasons = zip(*piece.bad, strict=True)
                    columns = {
                        "file": [str(path)] * len(lines),
                        "line": lines,
                        "reason": ["bad_row"] * len(lines),
                        "value": reasons,
                    }
                    bad = pa.table(columns, schema=pa.schema([UPDATES.field(name) for name in columns]))
                    updates = pa.concat_tables([updates, bad], promote_options="default")
                [(read,)] = connection.execute("select count(*) from rows").fetchall()
                share = (number + piece.share) / len(self._paths)
                yield Batch(updates, read + len(piece.bad), share)
        connection.close()

    def _connected(self) -> duckdb.DuckDBPyConnection:
        # Nothing is written anywhere, not even for want of memory: it may have to be redacted first.
        connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": ""})
        connection.execute("set TimeZone = 'UTC'")
        for one in self._fields.values():
            if one.values:
                pairs = ", ".join(f"({quoted(value)}, {quoted(target)})" for value, target in one.values.items())
                connection.execute(
                    f"create temp table map_{one.name} as select * from (values {pairs}) as pairs (value, target)"
                )
        return connection

    def _pieces(self, path: Path) -> Iterator[reading.Piece]:
        mapping = self._mapping
        if self._kind == "jsonl":
            pieces = reading.jsonl_pieces(path, mapping.encoding)
        else:
            pieces = reading.csv_pieces(path, mapping.encoding, mapping.delimiter, mapping.quote, mapping.columns)
        for piece in pieces:
            # Of short rows a piece has many, which would take more memory than there is.
            rows, parts = piece.rows, max(1, -(-len(piece.rows) // ROWS))
            size = -(-len(rows) // parts)
            for part in range(parts):
                bad = piece.bad if part == parts - 1 else []
                yield reading.Piece(rows.slice(part * size, size), piece.share, bad)

    def _texts(self) -> str:
        """SQL: `line`, and of each column that is mapped its trimmed text as t_<field>, null if it is blank."""
        columns = self._mapping.columns
        blanks = "".join(f", {quoted(blank)}" for blank in self._mapping.blanks)
        fields = [one for one in self._fields.values() if one.column is not None]
        if self._kind == "csv":
            cells, source, selected = {column: f"c{place}" for place, column in enumerate(columns)}, "piece", ["line"]
        else:
            pointers = ", ".join(quoted(_pointer(column)) for column in columns)
            cells = {column: f"cells[{place + 1}]" for place, column in enumerate(columns)}
            source = f"""(
                select *, json_extract_string(object, [{pointers}]) as cells
                from (
                    select
                        line,
                        case when json_valid(json) then case when json_type(json) = 'OBJECT' then json end end as object
                    from piece
                    where json >= '!' or trim(json, {WHITE_SPACE}) <> ''
                )
            )"""
            selected = ["line", "object"]
        for one in fields:
            text = cells[one.column]
            if self._kind == "jsonl":
                text = f"trim({text}, {WHITE_SPACE})"
            selected.append(f"case when {text} not in (''{blanks}) then {text} end as t_{one.name}")
        return f"select {', '.join(selected)} from {source}"

    def _read(self, zone: Zone) -> str:
        """SQL: what the texts say. Of a time its moment in UTC and, if there is none, in f_<field> why."""
        selected, joined = ["texts.line"], []
        if self._kind == "jsonl":
            selected.append("object is not null as is_object")
        for one in self._fields.values():
            text = "null::varchar"
            if one.column is not None:
                text = f"t_{one.name}"
                if one.values:
                    joined.append(f"left join map_{one.name} on map_{one.name}.value = t_{one.name}")
                    text = f"coalesce(map_{one.name}.target, t_{one.name})"
                selected.append(f"t_{one.name}")
            if one.is_time:
                selected += [
                    f"{wall_time(text, one.formats)} as l_{one.name}",
                    f"{moment(text, one.formats)} as m_{one.name}",
                ]
            else:
                other = one.constant if one.constant is not None else one.default
                selected.append(
                    f"coalesce({text}, {quoted(other)}) as {one.name}" if other else f"{text} as {one.name}"
                )
        inner = f"select {', '.join(selected)} from texts {' '.join(joined)}"
        names = [one.name for one in self._fields.values() if one.is_time]
        odd = "".join(f", {zone.is_odd(f'l_{name}')} as o_{name}" for name in names)
        times = "".join(f", {time}" for name in names for time in self._time(name, zone))
        return f"select *{times} from (select *{odd} from ({inner}))"

    def _time(self, name: str, zone: Zone) -> list[str]:
        local, stated, odd = f"l_{name}", f"m_{name}", f"o_{name}"
        flags = [(f"t_{name} is not null and {local} is null and {stated} is null", f"bad_{name}")]
        if self._mapping.zone and self._mapping.skipped_hour == "reject":
            flags.append((zone.is_skipped(local, odd), "skipped_hour"))
        if self._mapping.zone and self._mapping.repeated_hour == "reject":
            flags.append((zone.is_repeated(local, odd), "repeated_hour"))
        cases = " ".join(f"when {condition} then {quoted(reason)}" for condition, reason in flags)
        at = zone.moment(local, odd, self._mapping.repeated_hour == "first")
        return [f"case {cases} end as f_{name}", f"coalesce({stated}, {at}) as {name}"]

    def _rows(self, path: Path) -> str:
        """SQL: the fields of each row, redacted, and why it is refused, with column and text."""
        problems = self._problems()
        conditions = " ".join(f"when {problem[0]} then {number}" for number, problem in enumerate(problems))
        cases = {
            part: "case problem "
            + " ".join(f"when {number} then {one[part]}" for number, one in enumerate(problems))
            + " end"
            for part in (1, 2, 3)
        }
        selected = []
        for name in (*TYPES, *MOMENTS):
            kind = "timestamp" if name.endswith("_at") else "bigint" if name in INTEGERS else "varchar"
            if name not in self._fields:
                selected.append(f"null::{kind} as {name}")
            elif TYPES.get(name) in (pa.int64(), pa.bool_(), pa.float64()):
                selected.append(f"{typed(name, name)} as {name}")
            else:
                selected.append(f"{redacted(name, self._mapping.redact.get(name))} as {name}")
        return f"""
            select
                {quoted(str(path))} as file, line,
                case when problem is not null then {cases[1]} end as reason,
                case when problem is not null then {cases[2]} end as "column",
                case when problem is not null then {cases[3]} end as "value",
                {", ".join(selected)}
            from (select *, case {conditions} end as problem from read)
        """

    def _problems(self) -> list[tuple[str, str, str, str]]:
        """Condition, reason, column and text, all SQL, of what a row is refused for, the first first."""
        fields, problems = self._fields, []

        def add(condition: str, reason: str, one: Field, names_value: bool = True) -> None:
            column = quoted(one.column if one.column is not None else one.name)
            value = f"t_{one.name}" if names_value and one.column is not None else "null::varchar"
            problems.append((condition, quoted(reason), column, value))

        if self._kind == "jsonl":
            problems.append(("not is_object", "'not_json'", "null::varchar", "null::varchar"))
        for name in REQUIRED:
            one = fields.get(name)
            if one is None or (self._mapping.rows == "tickets" and name in ("updated_at", "status")):
                continue
            is_absent = f"t_{name} is null" if one.is_time else f"{name} is null"
            if not (self._mapping.rows == "changes" and name == "created_at"):
                add(is_absent, f"missing_{name}", one, False)
        times = [one for name in (*TYPES, *MOMENTS) if (one := fields.get(name)) and one.is_time]
        for one in times:
            problems.append((f"f_{one.name} is not null", f"f_{one.name}", quoted(one.column), f"t_{one.name}"))
        if "sequence" in fields:
            add(
                "sequence is not null and (not regexp_matches(sequence, '^-?[0-9]+$') or "
                "try_cast(sequence as bigint) is null)",
                "bad_sequence",
                fields["sequence"],
            )
        if "satisfaction" in fields:
            add(
                "satisfaction is not null and not regexp_matches(satisfaction, '^[1-5]$')",
                "bad_satisfaction",
                fields["satisfaction"],
            )
        if "source" in fields:
            add("contains(source, ':')", "bad_source", fields["source"])
        for name in LISTED:
            known = self._reference.known(name)
            if name in fields and known is not None:
                add(f"{name} not in ({', '.join(map(quoted, known))})", f"unknown_{name}", fields[name])
        if self._mapping.rows == "tickets" and "status" in fields:
            done = (
                ", ".join(quoted(status) for status, is_open in self._reference.statuses.items() if not is_open)
                or "null"
            )
            ends = [f"{name} is null" for name in ("resolved_at", "closed_at", "updated_at") if name in fields]
            add(" and ".join([f"status in ({done})", *ends]), "missing_resolved_at", fields["status"])
        for one in times:
            if one.name != "sla_due_at":
                add(f"{one.name} >= {too_late(today())}", "in_the_future", one)
        return problems

    def _updates(self, run: int) -> str:
        return self._changes() if self._mapping.rows == "changes" else self._lives(run)

    def _changes(self) -> str:
        """SQL: a row is an update. Rows of the same moment count in the order of the file.

        What it says is what it is known by, its own sequence included, but not its place in a file that may grow.
        """
        sequence = "line" if self._mapping.order == "oldest_first" else "-line"
        replaced = {"sequence": f"coalesce(sequence, {sequence})", "created_at": "coalesce(created_at, updated_at)"}
        names = ", ".join(f"{replaced.get(name, name)} as {name}" for name in TYPES)
        content = ", ".join(f"coalesce({name}::varchar, chr(30))" for name in TYPES if name != "update_id")
        identity = f"case when sequence is not null then concat_ws(chr(31), {content}) end"
        return f'select file, line, reason, "column", "value", {identity} as identity, {names} from rows'

    def _lives(self, run: int) -> str:
        """SQL: a row is a ticket, an update for each moment that it gives, then its status of now, and its rating.

        What happened at a moment is one update, whatever else of the row changes later; the status of now is another
        one whenever any of its fields is. A rating is one as long as it is the same: when it was given, no row says.
        """
        opening = quoted(self._mapping.opening_status)
        state = ", ".join(f"coalesce({name}::varchar, chr(30))" for name in (*_STATE, "sla_due_at") if name != "source")
        parts = []
        for sequence, (change, at, status, event, condition, content) in enumerate(
            (
                ("created", "created_at", opening, "created", "true", None),
                ("first_reply", "first_reply_at", "status_at_reply", "agent_reply", "first_reply_at is not null", None),
                ("resolved", "resolved_at", "'resolved'", "status_changed", "resolved_at is not null", None),
                ("closed", "closed_at", "'closed'", "status_changed", "closed_at is not null", None),
                (
                    "now",
                    "now_at",
                    "coalesce(status, last_status)",
                    "status_changed",
                    "status <> last_status or updated_at > last_at",
                    state,
                ),
                (
                    "rated",
                    "now_at",
                    "coalesce(status, last_status)",
                    "rated",
                    "satisfaction is not null",
                    "satisfaction",
                ),
            )
        ):
            number = sequence if sequence < 4 else f"{sequence + 2 * run}"
            told = {
                "updated_at": at,
                "status": status,
                "update_id": "null::varchar",
                "sequence": f"{number}::bigint",
                "event": quoted(event),
                "satisfaction": "satisfaction" if change == "rated" else "null::bigint",
            }
            names = ", ".join(f"{told.get(name, name)} as {name}" for name in TYPES)
            known_by = [] if change == "rated" else [f"epoch_us({at})"]
            known_by += [content] if content else []
            identity = f"concat_ws(chr(31), coalesce(source, 'helpdesk'), ticket_id, '{change}', {', '.join(known_by)})"
            parts.append(
                'select file, line, null::varchar as reason, null::varchar as "column", null::varchar as "value", '
                f"{identity} as identity, {names} "
                f"from lives where reason is null and ({condition})"
            )
        refused = ", ".join(TYPES)
        parts.append(
            f'select file, line, reason, "column", "value", null::varchar as identity, {refused} from '
            "lives where reason is not null"
        )
        return f"""
            with ends as (
                select
                    *,
                    case
                        when closed_at >= coalesce(resolved_at, closed_at) then 'closed'
                        when resolved_at is not null then 'resolved'
                        else {opening}
                    end as last_status,
                    case
                        when first_reply_at > closed_at
                            and coalesce(resolved_at not between closed_at and first_reply_at, true) then 'closed'
                        when first_reply_at > resolved_at then 'resolved'
                        else {opening}
                    end as status_at_reply,
                    greatest({", ".join(_IN_LIFE)}) as last_at
                from rows
            ),
            lives as (select *, greatest(last_at, updated_at) as now_at from ends)
            {" union all ".join(parts)}
        """


def _pointer(column: str) -> str:
    """The JSON pointer to a key; a column that begins with / is one."""
    return column if column.startswith("/") else "/" + column.replace("~", "~0").replace("/", "~1")
