"""Lands updates, whatever source they come from: each once, in whole files, what the lake would refuse left out."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import pyarrow as pa

from generator.ahead import ahead
from landing import Refused, counted
from landing.contract import (
    INTEGERS,
    LISTED,
    REQUIRED,
    TIMES,
    TYPES,
    WHITE_SPACE,
    Reference,
    quoted,
    too_late,
)
from landing.ledger import Ledger, today

FILE_BYTES = 128 * 1024**2
AT_ONCE = 150_000  # updates that are judged and compared at once: memory is limited
_SYNCED = 16 * 1024**2  # bytes after which what is written is synced
SHOWN = 5  # lines that a dry run prints
_COMPARED = 5_000_000  # updates of a dry run that are compared with each other, at most
_NEW = "place in (select place from new)"
_LONGEST = 200  # characters that are shown of a value
_EVERY = 5  # seconds between two lines of progress


@dataclass(frozen=True)
class Batch:
    """Updates of a source, as table UPDATES of landing.contract, an absent column being null throughout.

    An update without update_id is identified by its `identity`, or else by all that it says but its sequence. One with
    a reason is refused.

    read: how many rows or records of the source they were made of. share: how much of the source has been read.
    """

    updates: pa.Table
    read: int
    share: float | None = None


@dataclass
class Summary:
    """What became of a source. `rejected` counts by reason, `first` says where each was first met.

    rejected_file: the file that has all that was rejected, or of several the folder.
    """

    read: int = 0
    landed: int = 0
    known: int = 0
    repeated: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    rejected_file: Path | None = None
    begun: float = field(default_factory=time.monotonic)

    def tell(self, dry_run: bool) -> int:
        """Prints it; returns how the command ends: 1 if something was rejected."""
        print(self.text(dry_run))
        return 1 if self.rejected else 0

    def text(self, dry_run: bool = False) -> str:
        lines = [f"read      {counted(self.read, 'row')}"]
        folders = sorted({str(path.parent) for path in self.files})
        where = f" in {counted(len(self.files), 'file')} of {', '.join(folders)}" if self.files else ""
        lines.append(f"{'would land ' if dry_run else 'landed    '}{counted(self.landed, 'update')}{where}")
        lines.append(f"skipped   {self.known:,} landed before, {self.repeated:,} repeated in the source")
        lines.append(f"rejected  {self.rejected.total():,}" if self.rejected else "rejected  none")
        lines += [f"  {count:>9,}  {reason}: {self.first[reason]}" for reason, count in self.rejected.most_common()]
        if self.rejected_file:
            lines.append(f"All that was rejected is in {self.rejected_file}")
        return "\n".join(lines)


@contextmanager
def mendable() -> Iterator[None]:
    """Where reading or writing fails, says what to do."""
    try:
        yield
    except (OSError, duckdb.OperationalError, duckdb.DataError) as error:
        problem = str(error).partition("\n")[0]
        raise Refused(f"{problem}. What had landed before stays; once that is mended, run it again.") from None


def land(
    lake: Path,
    batches: Iterable[Batch],
    reference: Reference,
    ledger: Ledger | None = None,
    summary: Summary | None = None,
) -> Summary:
    """Lands what is new of a source. Refused if another landing is running, OSError if nothing can be written.

    ledger: one that is open already, and is left open; one that may not write makes this a dry run.
    summary: of the parts of the source before this one, which is added to.
    """
    own = Ledger(lake) if ledger is None else None
    try:
        return _Landing(own or ledger, reference, summary or Summary()).run(batches)
    finally:
        if own:
            own.close()


class _Landing:
    def __init__(self, ledger: Ledger, reference: Reference, summary: Summary):
        self._ledger, self._reference, self._connection = ledger, reference, ledger.connection
        self._summary = summary
        self._file = self._rejected = None
        self._path: Path | None = None
        self._size = self._lines = 0
        self._shown = 0
        self._syncer, self._syncing = ThreadPoolExecutor(max_workers=1), None

    def run(self, batches: Iterable[Batch]) -> Summary:
        progress = Progress()
        try:
            for batch in ahead(iter(batches)):
                self._summary.read += batch.read
                for start in range(0, len(batch.updates), AT_ONCE):
                    self._take(batch.updates.slice(start, AT_ONCE))
                progress.tell(batch.share, self._summary)
            self._land_file()
        finally:
            if self._rejected:
                self._rejected.close()
            self._syncer.shutdown()
            if self._file:
                self._file.close()
                self._path.unlink(missing_ok=True)
        return self._summary

    def _take(self, updates: pa.Table) -> None:
        execute = self._connection.execute
        names = [name for name in updates.column_names if updates.column(name).null_count < len(updates)]
        self._connection.register("incoming", updates)
        execute(f"create or replace temp table checked as {_checked(names, self._reference)}")
        self._connection.unregister("incoming")
        self._reject()
        execute("""
            create or replace temp table known as
            select digest from ledger.digests where digest in (select digest from checked)
        """)
        execute("""
            create or replace temp table new as
            select digest, min(place) as place
            from checked
            where digest is not null
                and digest not in (select digest from known)
                and digest not in (select digest from fresh where digest in (select digest from checked))
            group by digest
        """)
        accepted, known, new = execute("""
            select
                (select count(digest) from checked),
                (select count(*) from checked where digest in (select digest from known)),
                (select count(*) from new)
        """).fetchall()[0]
        self._summary.landed += new
        self._summary.known += known
        self._summary.repeated += accepted - known - new
        if new:
            self._write()
            execute("insert into fresh select digest from new")
            self._lines += new
        if self._size >= FILE_BYTES or (not self._ledger.writes and self._lines >= _COMPARED):
            self._land_file()

    # ---------- refused

    def _reject(self) -> None:
        rows = self._connection.execute(
            'select file, line, "column", reason, value from checked where reason is not null order by place'
        )
        while some := rows.fetchmany(1000):
            for file, line, column, reason, value in some:
                self._summary.rejected[reason] += 1
                if reason not in self._summary.first:
                    self._summary.first[reason] = f"first in {located(file, line, column)}" + (
                        f": {value[:_LONGEST]}{' …' * (len(value) > _LONGEST)}" if value else ""
                    )
            if self._ledger.writes:
                self._rejected_rows().writerows(some)

    def _rejected_rows(self):
        if self._rejected is None:
            folder = self._ledger.folder / "rejected"
            folder.mkdir(exist_ok=True)
            path = folder / f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S%fZ}.csv"
            self._summary.rejected_file = folder if self._summary.rejected_file else path
            self._rejected = path.open("w", encoding="utf-8", newline="")
            csv.writer(self._rejected).writerow(["file", "line", "column", "reason", "value"])
        return csv.writer(self._rejected)

    # ---------- accepted

    def _write(self) -> None:
        if not self._ledger.writes:
            self._show()
            return
        if self._file is None:
            self._path = self._ledger.open_file()
            self._file = self._path.open("xb", buffering=0)
        lines = self._connection.sql(f"select text from checked where {_NEW}")
        for part in lines.to_arrow_table().column("text").chunks:
            self._append(_characters(part))

    def _append(self, text: memoryview) -> None:
        """Writes on, and lets what has been written get to the disk meanwhile."""
        before, self._size = self._size // _SYNCED, self._size + len(text)
        while text:
            text = text[self._file.write(text[: 2**20]) :]
        if self._size // _SYNCED > before:
            self._wait()
            self._syncing = self._syncer.submit(os.fsync, self._file.fileno())

    def _wait(self) -> None:
        if self._syncing is not None:
            self._syncing.result()
            self._syncing = None

    def _show(self) -> None:
        if self._shown < SHOWN:
            lines = self._connection.execute(
                f"select text from checked where {_NEW} order by line, place limit {SHOWN - self._shown}"
            ).fetchall()
            self._shown += len(lines)
            print("".join(line for (line,) in lines), end="")

    def _land_file(self) -> None:
        """What has been written lands; without a file, nothing."""
        if self._file is not None:
            self._wait()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
            self._summary.files.append(self._ledger.land(self._path, self._lines))
        elif self._lines:
            self._ledger.forget_fresh()
        self._size = self._lines = 0


class Progress:
    """Says on standard error every few seconds how far a landing has got."""

    def __init__(self):
        self._told = time.monotonic()

    def tell(self, share: float | None, summary: Summary) -> None:
        now = time.monotonic()
        if now - self._told >= _EVERY:
            self._told = now
            percent = f"{share:.0%}, " if share is not None else ""
            print(
                f"{percent}{summary.read:,} rows read, {summary.landed:,} updates new, {now - summary.begun:.0f} s",
                file=sys.stderr,
            )


def located(file: str | None, line: int | None, column: str | None) -> str:
    parts = (file, line is not None and f"line {line:,}", column and f"column {column}")
    return ", ".join(part for part in parts if part) or "the source"


def _checked(names: list[str], reference: Reference) -> str:
    """SQL of what becomes of each update of `incoming`: its place, its line and digest, or why it is refused.

    names: the columns in which something is given.
    """
    columns = []
    for name, of_type in TYPES.items():
        if name not in names:
            columns.append(f"cast(null as {_sql_type(name)}) as {name}")
        elif of_type == pa.string():
            # What begins with a character after the space is not blank, which is seldom asked of the rest.
            columns.append(f"case when {name} >= '!' or trim({name}, {WHITE_SPACE}) <> '' then {name} end as {name}")
        else:
            columns.append(f"{name}::{_sql_type(name)} as {name}")
    about = {"file": "varchar", "line": "bigint", "reason": "varchar", "column": "varchar", "value": "varchar"}
    about["identity"] = "varchar"
    columns += [f'"{name}"' if name in names else f'cast(null as {kind}) as "{name}"' for name, kind in about.items()]
    problems = _problems(names, reference)
    reasons, places, values = (
        " ".join(f"when {number} then {problem[part]}" for number, problem in enumerate(problems)) for part in (1, 2, 3)
    )
    conditions = " ".join(f"when {problem[0]} then {number}" for number, problem in enumerate(problems))
    content = ", ".join(
        f"coalesce({name}::varchar, chr(30))" for name in TYPES if name not in ("update_id", "sequence")
    )
    return f"""
        with given as (select {", ".join(columns)}, row_number() over () as place from incoming),
        judged as (
            select
                * replace (coalesce(update_id, md5(coalesce(identity, concat_ws(chr(31), {content})))) as update_id),
                case when reason is null then case {conditions} end end as problem,
                update_id is null as is_derived
            from given
        )
        select
            place, file, line,
            case when problem is null then reason else case problem {reasons} end end as reason,
            case when problem is null then "column" else case problem {places} end end as "column",
            case when problem is null then value else case problem {values} end end as value,
            case when reason is null and problem is null then
                case
                    when is_derived then update_id::uuid
                    else md5(concat_ws(chr(31), coalesce(source, 'helpdesk'), update_id))::uuid
                end
            end as digest,
            case when reason is null and problem is null then {_text(names)} end as text
        from judged
    """


def _problems(names: list[str], reference: Reference) -> list[tuple[str, str, str, str]]:
    """Condition, reason, field and value, all SQL, of what the lake would refuse, the first first."""
    problems = [(f"{name} is null", f"missing_{name}", name, "null") for name in REQUIRED]
    in_range = "between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'"
    problems += [(f"{name} not {in_range}", f"bad_{name}", name, name) for name in TIMES if name in names]
    if "satisfaction" in names:
        problems.append(("satisfaction not between 1 and 5", "bad_satisfaction", "satisfaction", "satisfaction"))
    if "source" in names:
        problems.append(("contains(source, ':')", "bad_source", "source", "source"))
    for name in LISTED:
        known = ", ".join(map(quoted, reference.known(name)))
        problems.append((f"{name} not in ({known})", f"unknown_{name}", name, name))
    for name in ("updated_at", "created_at"):
        problems.append((f"{name} >= {too_late(today())}", "in_the_future", name, name))
    return [(one[0], quoted(one[1]), quoted(one[2]), f"{one[3]}::varchar") for one in problems]


def _text(names: list[str]) -> str:
    """SQL of the line of an update, absent fields left out."""
    parts, comma = [], ""
    for name in TYPES:
        if name not in names and name != "update_id":
            continue
        key, value = f"'{comma}\"{name}\": '", f"to_json({name})" if TYPES[name] == pa.string() else name
        if name in TIMES:
            # A second without a fraction is written without one.
            value = (
                f"case when epoch_us({name}) % 1000000 = 0 then strftime({name}, '\"%Y-%m-%dT%H:%M:%SZ\"') "
                f"else strftime({name}, '\"%Y-%m-%dT%H:%M:%S.%fZ\"') end"
            )
        is_given = name in REQUIRED or name == "update_id"
        parts += [key if is_given else f"case when {name} is not null then {key} end", value]
        comma = ", "
    return f"concat('{{', {', '.join(parts)}, '}}', chr(10))"


def _sql_type(name: str) -> str:
    return "timestamp" if name in TIMES else "bigint" if name in INTEGERS else "varchar"


def _characters(texts: pa.Array) -> memoryview:
    """The texts one after another, as they stand in memory."""
    if not len(texts):
        return memoryview(b"")
    kind = "q" if pa.types.is_large_string(texts.type) else "i"
    edges = memoryview(texts.buffers()[1]).cast("B").cast(kind)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(texts.buffers()[2])[edges[0] : edges[-1]]
