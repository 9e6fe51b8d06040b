"""Tables of a SQL database, by a mapping, to updates: what a cursor column says is new.

By SQLAlchemy, not by dlt's sql_table: a single zero date fails a whole batch of it, it cannot check and read in one
snapshot, and what it drops at the cursor's last value goes by a state of its own, not by what has landed.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as arrow
import yaml

from curated.places import sync
from landing import Refused, counted, mapping
from landing.checking import MOST_VALUES, Check
from landing.contract import BLANK, Reference, quoted
from landing.core import Batch, Summary, land
from landing.database import Database, is_time, is_utc, sa, text
from landing.files import Files
from landing.ledger import Ledger, write_whole
from landing.mapping import Field, meant
from landing.reading import Piece
from landing.times import ISO, NUMBERED

FETCH = 1_000  # rows that are fetched at once
PIECE, PIECE_BYTES = 40_000, 16 * 1024**2  # of a batch: rows, or bytes, whatever it comes to first
PART = 500_000  # rows after which what has been read lands, and the cursor moves
SAMPLE = 10_000  # rows by which the check knows how times are written
MINUTES, NUMBERS = 10, 1_000  # by how much a reading overlaps the one before
_OWN_KEYS = ("table", "query", "cursor", "overlap")
_FILE_KEYS = ("delimiter", "quote", "encoding", "order")


@dataclass(frozen=True)
class Source:
    """A table or a query, what its columns are, and by which of them what is new is found."""

    path: Path
    mapping: mapping.Mapping
    table: str | None = None
    query: str | None = None
    cursor: str | None = None
    overlap: int | None = None

    @property
    def name(self) -> str:
        return self.table or "query"


def read(path: Path, reference: Reference, redact: dict[str, str] | None = None) -> Source:
    """What a mapping says. Refused with all that is wrong with it."""
    node = mapping.composed(path, " docs/sql.md shows one.")
    if not isinstance(node, yaml.MappingNode):
        raise Refused(f"{path}: this is no mapping. docs/sql.md shows one.")
    own, rest, problems = {}, [], []
    for key, value in node.value:
        place = f"{path}, line {key.start_mark.line + 1}, {key.value}"
        if key.value in _FILE_KEYS:
            problems.append(f"{place}: is for files. Take it out.")
        elif key.value not in _OWN_KEYS:
            rest.append((key, value))
        elif key.value in own:
            problems.append(f"{place}: stands there twice. Keep one.")
        else:
            own[key.value] = value.value.strip().rstrip(";") if isinstance(value, yaml.ScalarNode) else ""
            if not own[key.value]:
                problems.append(f"{place}: has to be a text.")
            elif key.value == "overlap" and not re.fullmatch("[0-9]{1,9}", own["overlap"]):
                problems.append(f"{place}: is {own['overlap']!r}. Write how many minutes, or numbers.")
    if len(own.keys() & {"table", "query"}) != 1:
        problems.append(f"{path}: write table: with its name, or query: with a select, and not both.")
    if "overlap" in own and "cursor" not in own:
        problems.append(f"{path}, overlap: has no meaning without cursor.")
    node.value = rest
    try:
        found = mapping.Reader(str(path), reference).mapping(node, redact or {})
    except Refused as error:
        raise Refused("\n".join([*problems, str(error)])) from None
    if problems:
        raise Refused("\n".join(problems))
    overlap = int(own.pop("overlap")) if "overlap" in own else None
    return Source(path, found, **own, overlap=overlap)


# ---------- how far it has been read


@dataclass(frozen=True)
class Position:
    """The cursor's value up to which all has landed, none if nothing has, and how many rows have been read."""

    value: Any = None
    rows: int = 0

    def as_json(self) -> dict[str, Any]:
        value = self.value
        if isinstance(value, date):
            value = value.isoformat()
        elif isinstance(value, bytes):
            value = value.hex()
        return {"type": type(self.value).__name__, "value": None if value is None else str(value), "rows": self.rows}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> Position:
        kinds = {"datetime": datetime.fromisoformat, "date": date.fromisoformat, "int": int, "float": float}
        kinds |= {"Decimal": Decimal, "bytes": bytes.fromhex, "str": str, "NoneType": lambda none: None}
        return cls(kinds[found["type"]](found["value"]), int(found["rows"]))


class Cursor:
    """Keeps the position of a source in the lake's landing folder."""

    def __init__(self, folder: Path, source: Source, address: str):
        what = {"database": address, "read": source.table or source.query, "cursor": source.cursor}
        self._what = what | {"mapping": source.path.name}
        digest = hashlib.sha256(json.dumps(self._what, sort_keys=True).encode()).hexdigest()
        self.path = folder / "cursors" / f"{source.path.stem}-{digest[:12]}.json"

    def load(self) -> Position:
        try:
            return Position.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return Position()
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise Refused(
                f"{self.path} cannot be read: {error!r}. Remove it: all is read again, and what has landed is skipped."
            ) from None

    def store(self, position: Position) -> None:
        self.path.parent.mkdir(exist_ok=True)
        write_whole(self.path, json.dumps(self._what | position.as_json(), indent=1).encode())
        sync(self.path.parent.parent)


# ---------- the rows


class Rows(Files):
    """The rows of a table or query from a position on, as updates of the same mapping as files."""

    def __init__(self, source: Source, database: Database, reference: Reference, position: Position):
        super().__init__("csv", [Path(source.name)], source.mapping, reference)
        self._source, self._database, self._begin = source, database, position
        self.position = position  # after the batch that was handed out last
        cursors = [source.cursor] if source.cursor else []
        self._selected = list(dict.fromkeys(source.mapping.columns + cursors))
        self._total = 0
        self._cursors: list[Any] = []
        self._cursor_kind: int | None = None
        self._now = datetime.now(timezone.utc)
        with self._connected() as connection:
            zone, now = quoted(source.mapping.zone or "UTC"), quoted(self._now.isoformat())
            [(self._local_now,)] = connection.execute(f"select timezone({zone}, {now}::timestamptz)").fetchall()

    # ---------- the check

    def check(self, tell: Callable[[str], None] = lambda line: None) -> None:
        """Looks at what is to be read. Refused with all in which it and the mapping do not agree."""
        with self._database.mending(f"cannot read {self._source.name}"):
            if problems := self._table_problems() or self._headers():
                raise Refused("\n".join(problems))
            pieces = self._sample()
            with self._connected() as connection:
                check = Check(connection, self._mapping, self._fields, self._reference)
                if problems := check.formats():
                    raise Refused("\n".join(problems))
                for piece in pieces:
                    self._texts_of(connection, piece)
                    check.look_at_times(self._paths[0])
                    check.look_at_results(self._paths[0])
            for one in check.mapped:
                self._count(one, check)
            if problems := check.problems():
                raise Refused("\n".join(problems))
            select = sa.select(sa.func.count()).select_from(self._from()).where(*self._is_new())
            self._total = self._database.connection.execute(select).scalar_one()
        tell(f"{self._source.name}: checked, {counted(self._total, 'row')} to read")
        for line in check.left_out():
            tell(line)

    def _table_problems(self) -> list[str]:
        if self._source.table is None:
            return []
        inspector = sa.inspect(self._database.connection)
        schema, name = self._table_name()
        if inspector.has_table(name, schema=schema):
            return []
        names = inspector.get_table_names(schema=schema) + inspector.get_view_names(schema=schema)
        return [
            f"{self._source.path}, table: {self._database.address} has no table {self._source.table!r}."
            f"{meant(name, tuple(names))} It has: {', '.join(sorted(names)) or 'none'}."
        ]

    def _table_name(self) -> tuple[str | None, str]:
        schema, _, name = self._source.table.rpartition(".")
        return schema or None, name

    def _headers(self) -> list[str]:
        nothing = sa.select(sa.text("*")).select_from(self._from()).where(sa.literal_column("1 = 0"))
        header = list(self._database.connection.execute(nothing).keys())
        has = f"It has: {', '.join(header)}."
        named = [(one.place, one.column) for one in self._fields.values() if one.column is not None]
        if self._source.cursor:
            named.append((f"{self._source.path}, cursor", self._source.cursor))
        return [
            f"{place}: {self._source.name} has no column {column!r}.{meant(column, tuple(header))} {has}"
            for place, column in named
            if column not in header
        ]

    def _sample(self) -> list[Piece]:
        """The first rows with times and results, and some that have each time."""
        pieces, typed = [], set()
        times = {one.column for one in self._fields.values() if one.is_time}
        results = {one.column for one in self._fields.values() if one.is_result}
        somes = [(times | results, (), SAMPLE)]
        somes += [(times, (sa.column(column).is_not(None),), 100) for column in times]
        for names, conditions, limit in somes:
            select, read = self._select(names).where(*conditions).order_by(None).limit(limit), 0
            for kinds, rows in self._database.rows(select, FETCH):
                for place, column in enumerate(self._mapping.columns):
                    if any(is_time(row[place], kinds[place]) for row in rows):
                        typed.add(column)
                pieces.append(Piece(self._table(kinds, rows, read), 0))
                read += len(rows)
        # Columns of times say by themselves how they are to be read.
        self._fields = {
            name: replace(one, formats=(ISO,)) if one.is_time and one.column in typed else one
            for name, one in self._fields.items()
        }
        return pieces

    def _count(self, one: Field, check: Check) -> None:
        """How often each value of a field is there. MySQL would take open and Open for one."""
        column = sa.column(one.column)
        group = sa.cast(column, sa.LargeBinary) if self._database.is_mysql else column
        select = sa.select(sa.func.max(column) if self._database.is_mysql else column, sa.func.count())
        select = select.select_from(self._from()).where(column.is_not(None), *self._is_new()).group_by(group)
        select = select.order_by(sa.func.count().desc()).limit(MOST_VALUES)
        for kinds, rows in self._database.rows(select, MOST_VALUES):
            for value, count in rows:
                if (value := text(value, kinds[0]).strip(BLANK)) and value not in self._mapping.blanks:
                    check.take(one, value, count, self._paths[0], None)

    # ---------- the select

    def _from(self) -> sa.FromClause:
        if self._source.table is not None:
            schema, name = self._table_name()
            return sa.table(name, schema=schema)
        # A colon is no parameter.
        return sa.text(self._source.query.replace(":", r"\:")).columns().subquery("source")

    def _is_new(self) -> list[sa.ColumnElement]:
        """Rows from the cursor's last value on, that value included, and those without one."""
        value = self._begin.value
        if self._source.cursor is None or value is None:
            return []
        if isinstance(value, datetime):
            # What a clock that goes back shows comes a second time.
            is_local = value.tzinfo is None and self._mapping.zone not in (None, "UTC")
            value -= timedelta(minutes=self._overlap(MINUTES), hours=is_local)
        elif isinstance(value, date):
            value -= timedelta(days=self._overlap(MINUTES) // 1440 + 1)
        elif isinstance(value, int | float | Decimal):
            value -= self._overlap(NUMBERS)
        column = sa.column(self._source.cursor)
        return [sa.or_(column >= sa.bindparam("cursor", value, type_=sa.types.NullType()), column.is_(None))]

    def _overlap(self, default: int) -> int:
        return default if self._source.overlap is None else self._source.overlap

    def _select(self, names: Collection[str] = ()) -> sa.Select:
        """The rows that are new, in order of the cursor; names: the columns that matter, if not all."""
        columns = [sa.column(name) if name in (names or self._selected) else sa.null() for name in self._selected]
        select = sa.select(*columns).select_from(self._from()).where(*self._is_new())
        return select.order_by(sa.column(self._source.cursor)) if self._source.cursor else select

    def _table(self, kinds: list[int | None], rows: list[tuple], before: int) -> pa.Table:
        """The texts of some rows, numbered after those that were read before, trimmed as those of files are."""
        first = self._begin.rows + before + 1
        cells = {"line": pa.array(range(first, first + len(rows)), pa.int64())}
        columns = list(zip(*rows, strict=True))
        for place in range(len(self._mapping.columns)):
            values = pa.array([text(value, kinds[place]) for value in columns[place]], pa.string())
            cells[f"c{place}"] = arrow.ascii_trim_whitespace(values)
        return pa.table(cells)

    def _pieces(self, path: Path) -> Iterator[Piece]:
        read, tables, cursors = 0, [], []
        place = self._selected.index(self._source.cursor) if self._source.cursor else None

        def piece() -> Piece:
            self._cursors, rows = cursors, pa.concat_tables(tables)
            return Piece(rows, read / max(self._total, read))

        for kinds, rows in self._database.rows(self._select(), min(FETCH, PIECE)):
            tables.append(self._table(kinds, rows, read))
            read += len(rows)
            if place is not None:
                self._cursor_kind = kinds[place]
                cursors += [row[place] for row in rows]
            if sum(map(len, tables)) >= PIECE or sum(table.nbytes for table in tables) >= PIECE_BYTES:
                yield piece()
                tables, cursors = [], []
        if tables:
            yield piece()

    # ---------- the updates

    def batches(self, run: int) -> Iterator[Batch]:
        with self._database.mending(f"broke off {self._source.name}; what had landed stays, run it again"):
            for batch in super().batches(run):
                value = next((value for value in reversed(self._cursors) if self._has_been(value)), self.position.value)
                self.position = Position(value, self.position.rows + batch.read)
                yield replace(batch, updates=self._placed(batch.updates))

    @property
    def _cursor_unit(self) -> int | None:
        """Microseconds of which the cursor is a number, if it is a time that is one."""
        times = [one for one in self._fields.values() if one.is_time and one.column == self._source.cursor]
        return next((NUMBERED[text] for one in times for text in one.formats if text in NUMBERED), None)

    def _has_been(self, value: Any) -> bool:
        """Whether the cursor may move to a value: one in the future would hide all that comes until then."""
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", value))
            except ValueError:
                # In a column of times it is none, such as 0000-00-00.
                return not re.match("[0-9]{4}-[0-9]{2}-[0-9]{2}", value)
        if isinstance(value, int | float | Decimal) and self._cursor_unit:
            return value * self._cursor_unit <= self._now.timestamp() * 1_000_000
        if not isinstance(value, date):
            return value is not None
        if not isinstance(value, datetime):
            return value <= self._local_now.date()
        if value.tzinfo:
            return value <= self._now
        return value <= (self._now.replace(tzinfo=None) if is_utc(value, self._cursor_kind) else self._local_now)

    def _placed(self, updates: pa.Table) -> pa.Table:
        """What is refused is found by the cursor's value, not by how many rows came before."""
        reasons = updates.column("reason")
        if not self._cursors or reasons.null_count == len(updates):
            return updates
        begin = self.position.rows - len(self._cursors) + 1
        files, lines = updates.column("file").to_pylist(), updates.column("line").to_pylist()
        for place, reason in enumerate(reasons.to_pylist()):
            if reason is not None:
                files[place] += (
                    f", {self._source.cursor} {text(self._cursors[lines[place] - begin], self._cursor_kind)}"
                )
                lines[place] = None
        for name, values in (("file", pa.array(files, pa.string())), ("line", pa.array(lines, pa.int64()))):
            updates = updates.set_column(updates.schema.get_field_index(name), name, values)
        return updates


# ---------- the landing


def run(
    lake: Path, source: Source, database: Database, reference: Reference, dry_run: bool = False, full: bool = False
) -> Summary:
    """Lands what is new of a source, part by part; the cursor moves when a part has landed. Refused if it cannot be."""
    ledger = Ledger(lake, writes=not dry_run)
    try:
        cursor = Cursor(ledger.folder, source, database.address)
        position = cursor.load() if source.cursor else Position()
        # Rows are numbered on, so that of two changes of one moment that which is found later is the later one.
        rows = Rows(source, database, reference, Position(None, position.rows) if full else position)

        def tell(line: str) -> None:
            print(line, file=sys.stderr)

        rows.check(tell)
        batches, summary = rows.batches(ledger.run), Summary()
        for first in batches:
            land(lake, _part(first, batches, dry_run), reference, ledger, summary)
            if source.cursor and not dry_run:
                cursor.store(rows.position)
                tell(f"{source.name}: landed up to {source.cursor} {text(rows.position.value, None)}")
        return summary
    finally:
        ledger.close()


def _part(first: Batch, batches: Iterator[Batch], is_all: bool) -> Iterator[Batch]:
    yield first
    read = first.read
    while (is_all or read < PART) and (batch := next(batches, None)) is not None:
        read += batch.read
        yield batch
