"""Records in a file on this machine."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from lookup.stores import Refused, State

_TABLES = """
    create table if not exists records (service_record_id text primary key, document text not null) without rowid;
    create table if not exists state (state text not null);
"""
_AT_ONCE = 500  # ids in one query, and rows in one reading


class SQLite:
    """A load is one transaction: until it ends, and if it is killed, all readers see what was there before."""

    max_id_bytes = max_document_bytes = None
    is_read_quickly = True

    def __init__(self, path: Path):
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def find(self, ids: Sequence[str]) -> dict[str, str]:
        with self._reading() as connection:
            found = {}
            for start in range(0, len(ids), _AT_ONCE):
                some = ids[start : start + _AT_ONCE]
                places = ", ".join("?" * len(some))
                sql = f"select service_record_id, document from records where service_record_id in ({places})"
                found.update(connection.execute(sql, some).fetchall())
            return found

    def state(self) -> State:
        with self._reading() as connection:
            return _state(connection)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        nothing = Refused(f"Nothing has been loaded into {self} yet. Load it: python -m lookup load")
        if not self._path.exists():
            raise nothing
        with closing(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            try:
                yield connection
            except sqlite3.OperationalError as error:
                if "no such table" not in str(error):
                    raise
                raise nothing from error

    @contextmanager
    def loading(self) -> Iterator[_Load]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Transactions begin and end where it is said. DuckDB reads what is stored in a thread of its own; this waits.
        options = {"isolation_level": None, "check_same_thread": False, "timeout": 1}
        with closing(sqlite3.connect(self._path, **options)) as connection:
            try:
                # Readers go on while a load writes.
                connection.execute("pragma journal_mode = wal")
                connection.execute("begin immediate")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise
                raise Refused(f"{self}: another load is going on. Wait for its end.") from error
            for statement in filter(str.strip, _TABLES.split(";")):
                connection.execute(statement)
            yield _Load(connection)
            connection.execute("commit")
            connection.execute("pragma wal_checkpoint(truncate)")


class _Load:
    def __init__(self, connection: sqlite3.Connection):
        self._connection = connection

    def state(self) -> State:
        return _state(self._connection)

    def note(self, state: State) -> None:
        self._connection.execute("delete from state")
        self._connection.execute("insert into state values (?)", (state.to_json(),))

    def write(self, changes: Sequence[tuple[str, str | None]]) -> None:
        self._connection.executemany(
            "insert into records values (?, ?) on conflict do update set document = excluded.document",
            (change for change in changes if change[1] is not None),
        )
        self._connection.executemany(
            "delete from records where service_record_id = ?", ((id,) for id, document in changes if document is None)
        )

    def stored(self) -> Iterator[list[tuple[str, str]]]:
        rows = self._connection.execute("select service_record_id, document from records")
        while some := rows.fetchmany(_AT_ONCE):
            yield some


def _state(connection: sqlite3.Connection) -> State:
    found = connection.execute("select state from state").fetchone()
    return State.from_json(found[0]) if found else State()
