"""What has landed in a lake, so that it does so once: $LAKE/landing/ledger.duckdb."""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
from datetime import date, datetime, timezone
from pathlib import Path

import duckdb

from curated.places import sync
from landing import Refused, counted
from landing.contract import FEED

MEMORY = "256MB"
_OPEN = "_landing-*.jsonl"
_TABLES = """
create table if not exists ledger.files (
    file integer primary key,
    run integer not null,
    path varchar not null,
    temporary varchar not null,
    lines bigint not null
);
create table if not exists ledger.digests (digest uuid not null, file integer not null);
"""


def today() -> date:
    """The UTC date on which files land."""
    return datetime.now(timezone.utc).date()


class Ledger:
    """The ledger of a lake, of which one process at a time can land.

    A file lands in these steps: it is written and synced under a name that the lake does not read; the digests of its
    lines and its name are committed, in one transaction; it is renamed. Whatever was cut short is undone or completed
    at the next start.

    writes: whether anything may be written; else what would land is only compared with what has landed.
    """

    def __init__(self, lake: Path, writes: bool = True):
        self.folder, self.feed, self.writes = lake / "landing", lake / "raw" / FEED, writes
        self._lock = self._locked() if writes else None
        path = self.folder / "ledger.duckdb"
        # Nothing of what is landed is written anywhere else, not even for want of memory.
        self.connection = duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": ""})
        try:
            if writes or path.exists():
                self.connection.execute(f"attach '{_escaped(path)}' as ledger {'' if writes else '(read_only)'}")
            else:
                self.connection.execute("attach ':memory:' as ledger")
                self.connection.execute(_TABLES)
            if writes:
                self.connection.execute(_TABLES)
                self._recover()
        except duckdb.Error as error:
            self.close()
            raise Refused(
                f"{path} cannot be opened: {error}\nIf nothing else has it open and it is damaged, "
                "remove it: what lands "
                "again has the same update_id and counts once in the lake."
            ) from None
        self.connection.execute("create temp table fresh (digest uuid)")
        self.run = self._one("select coalesce(max(run), 0) + 1 from ledger.files")

    def _locked(self) -> int:
        try:
            for folder in (self.folder, self.feed):
                folder.mkdir(parents=True, exist_ok=True)
            for folder in (self.feed.parent, self.feed.parent.parent):
                sync(folder)
            file = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Refused(f"{self.folder} cannot be written: {error}") from None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise Refused(
                f"Another landing is running on {self.folder.parent}. Wait until it has ended, then run this one again."
            ) from None
        return file

    def _one(self, sql: str) -> int:
        return self.connection.execute(sql).fetchall()[0][0]

    # ---------- what a kill has left

    def _recover(self) -> None:
        """Renames files that are committed, removes those that are not, and forgets lines whose file is gone."""
        gone, waiting = [], set()
        for file, path, temporary in self.connection.execute(
            "select file, path, temporary from ledger.files"
        ).fetchall():
            if (self.feed / temporary).exists():
                waiting.add(temporary)
                self._rename(file, temporary, path)
            elif not (self.feed / path).exists():
                gone.append((file, path))
        for leftover in self.feed.glob(_OPEN):
            if leftover.name not in waiting:
                leftover.unlink()
        if gone:
            files = ", ".join(str(file) for file, _ in gone)
            self.connection.execute("begin")
            self.connection.execute(f"delete from ledger.digests where file in ({files})")
            self.connection.execute(f"delete from ledger.files where file in ({files})")
            self.connection.execute("commit")
            print(
                f"{counted(len(gone), 'landed file')} gone, such as {self.feed / gone[0][1]}: what was there lands "
                "again if it comes.",
                file=sys.stderr,
            )

    def _rename(self, file: int, temporary: str, path: str) -> None:
        """A file lands on the day on which it gets its name, whenever it was written."""
        day = f"dt={today()}"
        if not path.startswith(day):
            path = f"{day}/{Path(path).name}"
            self.connection.execute("update ledger.files set path = ? where file = ?", [path, file])
        target = self.feed / path
        if not target.parent.exists():
            target.parent.mkdir()
            sync(self.feed)
        os.rename(self.feed / temporary, target)
        sync(target.parent)
        sync(self.feed)

    # ---------- a file lands

    def open_file(self) -> Path:
        """The name under which the next file is written."""
        stamp = datetime.now(timezone.utc)
        return self.feed / f"_landing-{stamp:%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}.jsonl"

    def land(self, written: Path, lines: int) -> Path:
        """Lands a file that is written and synced, whose digests are in `fresh`; returns where it is."""
        path = f"dt={today()}/{written.name.removeprefix('_')}"
        execute = self.connection.execute
        execute("begin")
        file = self._one("select coalesce(max(file), 0) + 1 from ledger.files")
        execute("insert into ledger.files values (?, ?, ?, ?, ?)", [file, self.run, path, written.name, lines])
        execute(f"insert into ledger.digests select digest, {file} from fresh")
        execute("commit")
        execute("truncate fresh")
        self._rename(file, written.name, path)
        return (
            self.feed / self.connection.execute("select path from ledger.files where file = ?", [file]).fetchall()[0][0]
        )

    def forget_fresh(self) -> None:
        self.connection.execute("truncate fresh")

    def close(self) -> None:
        self.connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all, and durably."""
    written = path.with_name(f".{path.name}")
    with written.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(written, path)
    sync(path.parent)


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
