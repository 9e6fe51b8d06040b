"""Which records have landed: digests of their ids and contents, in SQLite beside the files, which alone count."""

from __future__ import annotations

import gzip
import re
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from receiver import Refused
from receiver.definition import reasons
from receiver.reading import NotReadable, parsed, record_of

_VERSION = 1
_OWN = re.compile(r"receiver-\d{8}T\d{6}Z-[0-9a-f]{12}\.jsonl")
_LANDED = re.compile(r"dt=(\d{4}-\d{2}-\d{2})/([^/_.][^/]*\.jsonl(?:\.gz)?)")


class Index:
    """Of the files that have landed below a folder. What it does not know of them, it reads when it is opened."""

    def __init__(self, folder: Path):
        self._folder, self._path = folder, folder / "_receiver.sqlite"
        try:
            self._connection = self._connected()
            self._catch_up()
        except sqlite3.DatabaseError as error:
            print(f"{self._path} is made anew: {error}", file=sys.stderr)
            self._made_anew()

    def content(self, key: bytes) -> bytes | None:
        """The digest of what the record of this key says, None if there is none."""
        found = self._connection.execute("select content from records where key = ?", (key,)).fetchone()
        return found and found[0]

    def add(self, files: list[Path], records: dict[bytes, bytes]) -> bool:
        """Takes in files and all that they hold; whether it could."""
        try:
            with self._connection:
                self._insert(sorted(records.items()))
                sizes = [(path.relative_to(self._folder).as_posix(), path.stat().st_size) for path in files]
                self._connection.executemany("insert into files values (?, ?)", sizes)
        except (sqlite3.Error, OSError) as error:
            print(f"{self._path} cannot be written yet: {error}", file=sys.stderr)
            return False
        return True

    def reopened(self) -> Index:
        again = Index(self._folder)
        self.close()
        return again

    def close(self) -> None:
        self._connection.close()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, check_same_thread=False)
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma synchronous = normal")
        if connection.execute("pragma user_version").fetchone() != (_VERSION,):
            connection.executescript(f"""
                drop table if exists records;
                drop table if exists files;
                create table records (key blob primary key, content blob not null) without rowid;
                create table files (name text primary key, size integer not null) without rowid;
                pragma user_version = {_VERSION};
            """)
        return connection

    def _catch_up(self) -> None:
        """Reads what has landed since. A file that is not as it was read takes the whole index with it."""
        known = dict(self._connection.execute("select name, size from files"))
        there = {name: path.stat().st_size for name, path in self._files()}
        if known.items() - there.items():
            raise sqlite3.DatabaseError("files that it knows have changed or are gone")
        for name, path in self._files():
            if name not in known:
                with self._connection:
                    self._insert(_records(path, date.fromisoformat(name[3:13])))
                    self._connection.execute("insert into files values (?, ?)", (name, there[name]))

    def _made_anew(self) -> None:
        with suppress(AttributeError):
            self._connection.close()
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        try:
            self._connection = self._connected()
            self._catch_up()
        except sqlite3.DatabaseError as error:
            raise Refused(f"{self._path} cannot be written: {error}") from None

    def _insert(self, records: Iterable[tuple[bytes, bytes]]) -> None:
        """The first landed of those with the same key stands."""
        self._connection.executemany("insert or ignore into records values (?, ?)", records)

    def _files(self) -> list[tuple[str, Path]]:
        """What the lake reads, by its name below the folder, in the order in which the first landed wins."""
        found = [(path.relative_to(self._folder).as_posix(), path) for path in self._folder.glob("dt=*/*.jsonl*")]
        return sorted((name, path) for name, path in found if _is_landed(name) and path.is_file())


def _is_landed(name: str) -> bool:
    match = _LANDED.fullmatch(name)
    with suppress(ValueError):
        return bool(match and date.fromisoformat(match[1]))
    return False


def _records(path: Path, landed_on: date) -> Iterator[tuple[bytes, bytes]]:
    """Key and content of each line that the lake accepts, which are all of a receiver's own."""
    is_own = _OWN.fullmatch(path.name)
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
        for line in file:
            with suppress(NotReadable, UnicodeDecodeError):
                text = line.decode()
                value = parsed(text)
                if is_own or not reasons(value, landed_on):
                    record = record_of(text, value)
                    yield record.key, record.content
