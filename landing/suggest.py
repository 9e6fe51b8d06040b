"""A first mapping from a look at a file: every guess with its evidence, every doubt marked TODO."""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from landing import Refused, counted, reading
from landing.contract import LISTED, TYPES, Reference, quoted
from landing.times import ISO, NUMBERED, moment, swapped, wall_time

LOOKED_AT = 100_000  # rows, at most
MOST = 0.8  # of the cells of a column say what it is; other rows are rejected when they land
MOST_VALUES = 60  # of a column that is mapped value by value
_DELIMITERS = ",;\t|"
_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m.%d.%Y", "%d-%m-%Y", "%m-%d-%Y"),
    *("%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d-%m-%y", "%m-%d-%y"),
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y"),
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", ", %H:%M", ", %H:%M:%S"),
    *(" %H:%M:%S %z", " %H:%M %z", ", %I:%M %p", ", %I:%M:%S %p"),
)

# What columns are called, in the words of a normalized name; the first fits best.
_NAMES = {
    "ticket_id": "ticket id|ticket no|ticket number|ticket|ticket key|case id|case number|case no"
    "|case|case enquiry id|incident number|incident id"
    "|incident|issue key|issue id|request id|number|key|id",
    "created_at": "created at|created|opened at|opened|open dt|open date|creation date|created date"
    "|created on|date created|date opened"
    "|opened on|reported at|reported|submitted at|submitted|logged at|start",
    "updated_at": "updated at|changed at|updated|last updated|last update|updated on|modified|last "
    "modified|modified at|change date"
    "|changed on|changed|event time|timestamp|date|time",
    "first_reply_at": "first reply at|first reply|first response at|first response|first response "
    "time|first replied at|responded at|responded",
    "resolved_at": "resolved at|resolved|resolution date|solved at|solved|resolved on|resolved date"
    "|date resolved|resolution time",
    "closed_at": "closed at|closed|closed dt|close date|closed date|date closed|closed on|completed at|completed|end",
    "sla_due_at": "sla due at|due at|due|due date|target dt|target date|target|deadline|sla due|resolve by|respond by",
    "status": "status|state|case status|ticket status|current status|new status|issue status",
    "severity": "severity|priority|prio|urgency|impact|ticket priority",
    "market": "market|country|country code|region|site|office",
    "category": "category|type|ticket type|request type|topic|reason|issue type|classification",
    "channel": "channel|contact type|via|origin|contact channel|source",
    "product": "product|service|component|product name|business service",
    "team": "team|group|assignment group|assigned group|queue|department|support group",
    "agent_id": "agent id|agent|assignee|assigned to|owner|agent name|handled by|technician",
    "customer_id": "customer id|customer|requester|caller|contact|reporter|account|client|customer "
    "name|requester id|opened by|email",
    "vehicle_id": "vehicle id|vehicle|vin|asset|asset id",
    "subject": "subject|title|summary|short description|case title|headline|description",
    "satisfaction": "satisfaction|csat|rating|satisfaction rating|score|stars",
    "event": "event|action|change type|activity|event type",
    "update_id": "update id|change id|event id|audit id|history id",
    "sequence": "sequence|seq|step|version",
    "source_sla_breached": "sla breached|breached|sla violated|sla missed|overdue|late|made sla|sla met|met sla"
    "|within sla|on time|ontime|in time",
    "source_reopen_count": "reopen count|reopens|times reopened",
}
_STATUSES = {
    "new": "new|created|logged|submitted|to do|todo|registered",
    "open": "open|in progress|assigned|active|work in progress|wip|reopened|re opened|working|in work"
    "|started|acknowledged|accepted",
    "pending": "pending|waiting|waiting for customer|awaiting customer|awaiting user info|pending "
    "customer|waiting on customer|awaiting reply",
    "on_hold": "on hold|hold|paused|suspended|blocked|waiting for vendor|awaiting vendor|awaiting parts",
    "escalated": "escalated",
    "resolved": "resolved|solved|done|fixed|completed|complete",
    "closed": "closed|closed resolved|archived",
    "cancelled": "cancelled|canceled|withdrawn|rejected|duplicate|closed duplicate|spam",
}
_SEVERITIES = {
    "P1": "p1|1|critical|urgent|highest|1 critical|blocker|sev1|sev 1|emergency|very high",
    "P2": "p2|2|high|2 high|major|sev2|sev 2",
    "P3": "p3|3|medium|normal|moderate|3 moderate|3 medium|sev3|sev 3|standard",
    "P4": "p4|4|low|4 low|minor|lowest|trivial|planning|5 planning|5|sev4|sev 4|very low",
}
# What sources say of an SLA, and the names of columns in which yes is that it was met.
_BREACHED = {"true": "breached|overdue|late|missed|violated|not met", "false": "ontime|on time|in time|met|within sla"}
_TRUTHS = {"true": "true|yes|y|1", "false": "false|no|n|0"}
_MET = re.compile(r"\b(made|met|within|on ?time|in time)\b")
_PERSONAL = ("customer_id", "agent_id", "subject", "vehicle_id")


@dataclass(frozen=True)
class Column:
    """What is seen of a column: how many cells are given, how many values they have, which formats of times fit."""

    name: str
    place: int
    given: int
    distinct: int
    formats: tuple[str, ...]
    examples: tuple[str, ...]


def fitting_formats(values: list[str]) -> list[str]:
    """The formats that read all of some texts, the likeliest first. `iso` comes without others."""
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("create table texts as select unnest($texts::varchar[]) as text", {"texts": values})
        return list(_fitting(connection, "text"))


def _fitting(connection: duckdb.DuckDBPyConnection, column: str, share: float = 1) -> tuple[str, ...]:
    """The formats that read the most texts of a column of `texts`, if they read at least this share."""

    def counted_by(counts: list[str]) -> tuple[int, ...]:
        return connection.execute(f"select count({column}), {', '.join(counts)} from texts").fetchall()[0]

    def most_read(formats: list[str]) -> tuple[str, ...]:
        given, *read = counted_by([f"count({_time(column, one)})" for one in formats])
        return tuple(one for one, count in zip(formats, read, strict=True) if count == max(read) >= share * given)

    texts = connection.execute(f"select distinct {column} from texts where {column} is not null limit 20").fetchall()
    likely = [one for date in _DATES for clock in _CLOCKS if _are_read(texts, one := date + clock, share)]
    if found := most_read([ISO]) or (likely and most_read(likely)):
        return found
    digits = [f"count(*) filter (regexp_matches({column}, '^1[0-9]{{{length}}}$'))" for length in (9, 12)]
    given, *read = counted_by(digits)
    return tuple(one for one, count in zip(NUMBERED, read, strict=True) if count >= share * given)


def _time(text: str, format: str) -> str:
    """SQL of the time that a text states, local or with an offset."""
    return f"coalesce({wall_time(text, (format,))}, {moment(text, (format,))})"


def _are_read(texts: list[tuple[str]], format: str, share: float) -> bool:
    """Whether Python reads this share of texts so, which DuckDB is then asked of all."""
    left = len(texts) - share * len(texts)
    for (text,) in texts:
        try:
            datetime.strptime(text, format)
        except ValueError:
            left -= 1
            if left < 0:
                return False
    return True


# ---------- the look


class _Look:
    """The first rows of a file as table `texts`, columns c0, c1, ..., blank cells null."""

    def __init__(self, path: Path):
        self.path, self.delimiter, self.twice = path, ",", []
        self.encoding = self._find_encoding()
        self.kind = self._find_kind()
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'")
        self.names, rows = self._csv() if self.kind == "csv" else self._jsonl()
        self.is_cut = rows.num_rows > LOOKED_AT
        rows = rows.slice(0, LOOKED_AT)
        self.connection.register("given", rows)
        cells = ", ".join(f"nullif(trim(c{place}), '') as c{place}" for place in range(len(self.names)))
        self.connection.execute(f"create table texts as select line, {cells} from given")
        self.connection.unregister("given")
        self.rows = rows.num_rows
        if not self.rows:
            raise Refused(f"{path} has no rows to look at: no line is a JSON object.")
        self.columns = [self._column(name, place) for place, name in enumerate(self.names)]

    def _find_encoding(self) -> str:
        with reading.Source(self.path, "latin-1") as source:
            if source.read().decode()[:2] in ("\xff\xfe", "\xfe\xff"):
                return "utf-16"
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            with reading.Source(self.path, "utf-8") as source:
                while piece := source.read():
                    decoder.decode(piece)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
        return "utf-8"

    def _find_kind(self) -> str:
        with reading.Source(self.path, self.encoding) as source:
            start = source.read()
        self._start = start[: 2**20].decode("utf-8", "replace")
        if re.match(r"\s*\[\s*\{", self._start):
            raise Refused(f"{self.path} is an array. Write an object a line; of an array they are made by: jq -c '.[]'")
        return "jsonl" if self._start.lstrip().startswith("{") else "csv"

    def _csv(self) -> tuple[list[str], pa.Table]:
        lines = [line for line in self._start.splitlines() if line.strip()][:50] or [""]
        widths = {delimiter: [len(row) for row in csv.reader(lines, delimiter=delimiter)] for delimiter in _DELIMITERS}
        self.delimiter = max(
            _DELIMITERS,
            key=lambda one: (widths[one].count(max(widths[one])) * (max(widths[one]) > 1), max(widths[one])),
        )
        header = reading.csv_header(self.path, self.encoding, self.delimiter, '"')
        names = [name for name in header if header.count(name) == 1 and name]
        self.twice = sorted({name for name in header if header.count(name) > 1 and name})
        return names, self._first_rows(reading.csv_pieces(self.path, self.encoding, self.delimiter, '"', names))

    def _jsonl(self) -> tuple[list[str], pa.Table]:
        rows = self._first_rows(reading.jsonl_pieces(self.path, self.encoding))
        self.connection.register("lines", rows)
        execute = self.connection.execute
        execute(
            "create table objects as select line, json from lines where json_valid(json) and json_type(json) = 'OBJECT'"
        )
        keys = execute(
            "select key from (select unnest(json_keys(json)) as key, line from objects) group by key "
            "order by min(line), key"
        )
        names = [key for (key,) in keys.fetchall()]
        pointers = [quoted("/" + name.replace("~", "~0").replace("/", "~1")) for name in names]
        cells = "".join(f", json_extract_string(json, {pointer}) as c{place}" for place, pointer in enumerate(pointers))
        return names, self.connection.sql(f"select line{cells} from objects order by line").to_arrow_table()

    def _first_rows(self, pieces: Iterator[reading.Piece]) -> pa.Table:
        found, bad, count = [], [], 0
        for piece in pieces:
            found.append(piece.rows)
            bad += piece.bad
            count += piece.rows.num_rows
            if count > LOOKED_AT:
                break
        if not count and bad:
            line, why = bad[0]
            raise Refused(f"{self.path}, line {line:,}: {why}. Take away what is above the names of the columns.")
        if not count:
            raise Refused(f"{self.path} has no rows to look at.")
        return pa.concat_tables(found)

    def _column(self, name: str, place: int) -> Column:
        cell = f"c{place}"
        given, distinct = self.connection.execute(
            f"select count({cell}), count(distinct {cell}) from texts"
        ).fetchall()[0]
        examples = self.connection.execute(f"select {cell} from texts where {cell} is not null limit 1").fetchall()
        return Column(
            name,
            place,
            given,
            distinct,
            _fitting(self.connection, cell, MOST) if given else (),
            tuple(text for (text,) in examples),
        )

    def values(self, column: Column) -> list[tuple[str, int]]:
        return self.connection.execute(
            f"select c{column.place}, count(*) from texts where c{column.place} is not null group by "
            "all order by 2 desc, 1"
        ).fetchall()

    def shows(self, column: Column, chosen: str, other: str) -> str | None:
        """A line that one format reads and another does not."""
        cell = f"c{column.place}"
        row = self.connection.execute(
            f"select line, {cell} from texts where {_time(cell, chosen)} is not null and "
            f"{_time(cell, other)} is null order by line limit 1"
        ).fetchall()[0]
        return f"line {row[0]:,}: {row[1]}" if row else None

    def descends(self, column: Column, format: str) -> bool:
        """Whether the times of a column go back from row to row more often than forth."""
        cell = f"c{column.place}"
        back, forth = self.connection.execute(f"""
            select count(*) filter (time < before), count(*) filter (time > before)
            from (
                select time, lag(time) over (order by line) as before
                from (select line, {_time(cell, format)} as time from texts)
            )
        """).fetchall()[0]
        return back > forth


# ---------- the guesses


def suggestion(path: Path, reference: Reference) -> str:
    """The text of a mapping. Refused if the file cannot be read."""
    look = _Look(path)
    return "\n".join(_Writer(look, reference).lines()) + "\n"


class _Writer:
    def __init__(self, look: _Look, reference: Reference):
        self._look, self._reference = look, reference
        self._chosen = self._choose()

    def _choose(self) -> dict[str, Column]:
        """The column of each field, the best fitting names first."""
        candidates = []
        for field, names in _NAMES.items():
            for rank, name in enumerate(names.split("|")):
                for column in self._look.columns:
                    words = _words(column.name)
                    if f" {name} " in f" {words} " and self._can_be(field, column):
                        candidates.append((words != name, rank, list(_NAMES).index(field), column.place, field, column))
        chosen: dict[str, Column] = {}
        for *_, field, column in sorted(candidates, key=lambda one: one[:4]):
            if field not in chosen and column not in chosen.values():
                chosen[field] = column
        return chosen

    def _can_be(self, field: str, column: Column) -> bool:
        if not column.given:
            return False
        if field.endswith("_at"):
            return bool(column.formats)
        if field == "ticket_id":
            return column.given >= MOST * self._look.rows
        if field in LISTED:
            return column.distinct <= MOST_VALUES and not (column.formats and column.distinct > 10)
        if field == "satisfaction":
            return column.distinct <= 10
        if field == "source_sla_breached":
            return column.distinct <= 10 and None not in self._verdicts(column).values()
        if field in ("sequence", "source_reopen_count"):
            return all(re.fullmatch(r"-?\d{1,18}", value) for value, _ in self._look.values(column)[:1000])
        return not field.endswith("_id") or column.distinct > 1 or self._look.rows < 10

    # ---------- the text

    def lines(self) -> list[str]:
        look = self._look
        rows = f"{'the first' if look.is_cut else 'all'} {counted(look.rows, 'row')}"
        text = [
            f"# A first mapping for {look.path.name}, from a look at {rows}.",
            "# Check every guess, decide what is marked TODO, then land it:",
            f"#     python -m landing {look.kind} {look.path} --mapping THIS_FILE --dry-run",
            "# docs/bring-your-own-tickets.md says what can be written here.",
            "",
        ]
        text += self._rows_lines()
        if look.kind == "csv" and look.delimiter != ",":
            text.append(f"delimiter: {_yaml(look.delimiter)}")
        if look.encoding != "utf-8":
            text.append(f"encoding: {look.encoding}  # it is not UTF-8; if letters come out wrong, name another")
        text += self._time_lines()
        text.append("")
        text.append("fields:")
        for field in self._order():
            text += [f"  {line}" for line in self._field_lines(field)]
        unused = [column.name for column in look.columns if column not in self._chosen.values()]
        if unused:
            text += ["", "# Columns that are not used: " + _line(", ".join(unused))]
        if look.twice:
            text += ["", "# Columns that are there twice, so that none can be named: " + _line(", ".join(look.twice))]
        personal = [field for field in _PERSONAL if field in self._chosen]
        if personal:
            text += [
                "",
                "# These fields may be personal. To leave one out (drop) or to hash it with a key (hash):",
                "# redact:",
            ]
            text += [f"#   {field}: hash" for field in personal]
        return text

    @property
    def _is_per_ticket(self) -> bool:
        ticket = self._chosen.get("ticket_id")
        return ticket is None or ticket.distinct == ticket.given

    def _rows_lines(self) -> list[str]:
        ticket = self._chosen.get("ticket_id")
        if ticket is None:
            return [
                "rows: TODO  # tickets if a row is a ticket, changes if it is a change: no column "
                "looks like a ticket's id"
            ]
        seen = f"{_line(ticket.name)} has {counted(ticket.distinct, 'value')} in {counted(ticket.given, 'row')}"
        if self._is_per_ticket:
            return [f"rows: tickets  # a row is a ticket: {seen}"]
        lines = [f"rows: changes  # a row is a change of a ticket: {seen}"]
        column = self._chosen.get("updated_at")
        if column and column.formats and self._look.descends(column, column.formats[0]):
            lines.append(f"order: newest_first  # {_line(column.name)} goes back from row to row")
        return lines

    def _order(self) -> list[str]:
        if self._is_per_ticket:
            times = ["created_at", "first_reply_at", "resolved_at", "closed_at", "updated_at", "sla_due_at"]
            left_out = {"event", "sequence", "update_id"}
        else:
            times, left_out = ["updated_at", "created_at", "sla_due_at"], {"first_reply_at", "resolved_at", "closed_at"}
        first = ["ticket_id", *times, "status", "severity", "market", "source"]
        return first + [name for name in TYPES if name not in first and name not in left_out]

    def _required(self, field: str) -> bool:
        if field in ("ticket_id", "severity", "market"):
            return True
        return field == "created_at" if self._is_per_ticket else field in ("updated_at", "status")

    def _time_lines(self) -> list[str]:
        columns = [self._chosen[field] for field in self._order() if field.endswith("_at") and field in self._chosen]
        naive = [
            column
            for column in columns
            if column.formats
            and not any("%z" in one or one.startswith("unix") for one in column.formats)
            and self._look.connection.execute(
                f"select count({wall_time(f'c{column.place}', column.formats[:1])}) from texts"
            ).fetchall()[0][0]
        ]
        if not naive:
            return []
        example = naive[0].examples[0]
        return [
            f"zone: TODO  # {_line(naive[0].name)} says no zone, such as {example}. Name it, such as "
            "Europe/Berlin; UTC if it is that",
            "repeated_hour: reject  # when clocks go back an hour comes twice: first or second says "
            "which; reject refuses its rows",
            "skipped_hour: reject  # when they go forward one is left out: later reads it as an hour later",
        ]

    def _field_lines(self, field: str) -> list[str]:
        column = self._chosen.get(field)
        if column is None:
            if field == "source":
                name = re.sub(r"[^a-z0-9]+", "_", self._look.path.name.split(".")[0].lower()).strip("_") or "helpdesk"
                return [
                    f"source: {{constant: {_yaml(name)}}}  # the system that the tickets live in, in a "
                    "word; keep it for later files"
                ]
            if not self._required(field):
                return []
            if field in ("severity", "market"):
                known = ", ".join(self._reference.known(field))
                return [f"{field}: {{constant: TODO}}  # no column looks like it: one of {known}, or column: and map:"]
            timed = [one for one in self._look.columns if field.endswith("_at") and one.formats]
            times = ", ".join(f"{_line(one.name)} ({one.formats[0]})" for one in timed)
            return [f"{field}: TODO  # no column looks like it" + (f"; there are times in {times}" if times else "")]
        if field in LISTED:
            return self._mapped_lines(field, column)
        seen = f"{column.given:,} given, {counted(column.distinct, 'value')}, such as {_short(column.examples[0])}"
        if field.endswith("_at"):
            return self._moment_lines(field, column)
        if field == "satisfaction" and any(value not in "12345" for value, _ in self._look.values(column)):
            ratings = {value: value if value in "12345" else "TODO" for value, _ in self._look.values(column)}
            return self._map_of(field, column, "1 to 5, the best", ratings)
        if field == "source_sla_breached":
            return self._map_of(field, column, "to true where it is a breach", self._verdicts(column))
        return [f"{field}: {_yaml(column.name)}  # {seen}"]

    def _map_of(self, field: str, column: Column, note: str, targets: Mapping[str, str | None]) -> list[str]:
        """A field with what each value of its column is mapped to."""
        lines = [f"{field}:", f"  column: {_yaml(column.name)}", f"  map:  # {note}"]
        return lines + [
            f"    {_yaml(value)}: {targets[value]}  # {counted(count, 'time')}"
            for value, count in self._look.values(column)
        ]

    def _verdicts(self, column: Column) -> dict[str, str | None]:
        """Whether the values of a column say that an SLA was breached, null if that is not known."""
        yes, no = ("false", "true") if _MET.search(_words(column.name)) else ("true", "false")
        meant = {name: verdict for verdict, names in _BREACHED.items() for name in names.split("|")}
        meant |= {name: yes for name in _TRUTHS["true"].split("|")} | {name: no for name in _TRUTHS["false"].split("|")}
        return {value: meant.get(_words(value)) for value, _ in self._look.values(column)}

    def _moment_lines(self, field: str, column: Column) -> list[str]:
        seen = f"{column.given:,} given, such as {_short(column.examples[0])}"
        formats = column.formats
        if formats == (ISO,):
            return [f"{field}: {_yaml(column.name)}  # {seen}"]
        lines = [f"{field}:", f"  column: {_yaml(column.name)}  # {seen}"]
        if len(formats) == 1:
            return [*lines, f"  format: {_yaml(formats[0])}{self._evidence(column, formats[0])}"]
        both = " or ".join(_yaml(one) for one in formats)
        return [*lines, f"  format: TODO  # {both}: all {column.given:,} can be read in either way"]

    def _evidence(self, column: Column, chosen: str) -> str:
        other = swapped((chosen,))
        shown = self._look.shows(column, chosen, other[0]) if other else None
        return f"  # as shown by {shown}" if shown else ""

    def _mapped_lines(self, field: str, column: Column) -> list[str]:
        known = self._reference.known(field)
        guesses = self._guesses(field)
        lines = [f"{field}:", f"  column: {_yaml(column.name)}"]
        if column.given < self._look.rows:
            blank = self._look.rows - column.given
            lines.append(
                f"  default: TODO  # blank in {counted(blank, 'row')}; take this line away to refuse them"
            ) if self._required(field) else None
        lines.append(f"  map:  # to {', '.join(known)}")
        for value, count in self._look.values(column):
            target = value if value in known else guesses.get(_words(value), "TODO")
            decided = ("TODO", ", not known by name") if target == "TODO" else (_yaml(target), "")
            lines.append(f"    {_yaml(value)}: {decided[0]}  # {counted(count, 'time')}{decided[1]}")
        return lines

    def _guesses(self, field: str) -> dict[str, str]:
        """Values of the contract by what other systems call them; only those that the seeds know."""
        if field == "market":
            from landing.contract import market_names

            return {_words(name): market for market, name in market_names().items()} | {
                market.lower(): market for market in self._reference.markets
            }
        table = _STATUSES if field == "status" else _SEVERITIES
        return {
            name: value
            for value, names in table.items()
            if value in self._reference.known(field)
            for name in names.split("|")
        }


def _words(name: str) -> str:
    """A name in lower-case words: `Case_EnquiryID` is case enquiry id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return " ".join(re.sub(r"[\W_]+", " ", spaced).lower().split())


def _line(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    text = _line(text)
    return text if len(text) <= 40 else f"{text[:37]}..."


def _yaml(text: str) -> str:
    return (
        text
        if re.fullmatch(r"[A-Za-z][\w.-]*( [\w.-]+)*", text) and not text.startswith("TODO")
        else json.dumps(text, ensure_ascii=False)
    )
