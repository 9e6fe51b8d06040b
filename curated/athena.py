"""On Athena the tables are the curated zone: what is written beside them is the manifest of a build that has passed."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from datetime import timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from curated.manifest import File, Manifest, Table
from curated.publishing import Kept, NothingPassed, follow
from curated.reader import Curated, VersionGone
from curated.s3 import Bucket
from infra import aws, query

PASSED = "select distinct build_id, public_table, stored_table from passed_builds order by 1, 2, 3"


def default_address() -> str:
    """Where the manifest of the schema is."""
    return f"{aws.setting('TICKETLAKE_CURATED').rstrip('/')}/{os.environ.get('TICKETLAKE_SCHEMA', 'ticketlake')}"


class Tables(Curated):
    """The tables of a build that has passed, for as long as no other has begun."""

    def files(self, table: str) -> list[Path]:
        raise TypeError(f"{table} is a table on Athena: query it there, or connect()")

    def connect(self, *tables: str) -> duckdb.DuckDBPyConnection:
        """A database in memory with copies of all tables, or of those named. VersionGone if a build has begun."""
        connection = duckdb.connect()
        connection.execute("set global TimeZone = 'UTC'")  # for its cursors, too
        with TemporaryDirectory() as folder:
            for table in tables or self.manifest.tables:
                path = Path(folder) / f"{table}.csv"
                query.download(f"select * from {table}", path)
                columns = {name: _in_duckdb(kind) for name, kind in self.table(table).columns.items()}
                connection.execute(
                    f"create table {table} as from read_csv($path, columns = $columns, header = true, quote = '\"', "
                    "escape = '\"', nullstr = '', allow_quoted_nulls = false)",
                    {"path": str(path), "columns": columns},
                )
        if {build for build, *_ in query.run(PASSED)} != {self.manifest.build_id}:
            raise VersionGone(f"Another build began while version {self.version} was read. Read again after its end.")
        return connection


def _in_duckdb(kind: str) -> str:
    """DuckDB's name of a type; moments are UTC."""
    return re.sub(r"^timestamp.*", "timestamptz", kind)


def publish_manifest() -> tuple[Manifest, bool]:
    """The manifest that stands there now, and whether it is a new one. NothingPassed, Busy, aws.Refused.

    Tables change in place: the manifest names the Iceberg snapshot of each, which can be queried until it expires.
    """
    schema = os.environ.get("TICKETLAKE_SCHEMA", "ticketlake")
    where = Bucket(default_address())
    passed = query.run(PASSED)
    if not passed:
        raise NothingPassed(
            "Nothing is published: no build has passed all its tests since tables were last written. Run a whole "
            "`dbt build --target athena`, then publish again."
        )
    build, before = passed[0][0], where.current()
    if before and before.build_id == build:
        return before, False
    known = {file.path: file for table in (before.tables if before else {}).values() for file in table.files}
    reads: dict[str, list[str]] = {}
    for _, public, stored in passed:
        reads.setdefault(public, []).append(stored)
    stored_tables = {stored for tables in reads.values() for stored in tables}
    types = _types(schema, reads.keys() | stored_tables)
    s3 = aws.client("s3")
    tables = {
        name: _stored(s3, name, types[name], known)
        if name in stored_tables
        else Table(types[name], None, [], reads=reads[name])
        for name in sorted(types)
    }
    ((as_of,),) = query.run("select max(as_of) from int_as_of")
    manifest = follow(before, build, as_of and as_of.replace(tzinfo=timezone.utc), Kept(0, 0))
    if query.run(PASSED) != passed:
        raise NothingPassed("Nothing is published: another build began meanwhile. Publish again after its end.")
    manifest = replace(manifest, engine="athena", tables=tables)
    where.switch(manifest)
    return manifest, True


def _types(schema: str, tables: set[str]) -> dict[str, dict[str, str]]:
    """The types of each table's columns, as Athena calls them."""
    names = ", ".join(f"'{table}'" for table in sorted(tables))
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in query.run(
        "select table_name, column_name, data_type from information_schema.columns "
        f"where table_schema = '{schema}' and table_name in ({names}) order by table_name, ordinal_position"
    ):
        found.setdefault(table, {})[column] = kind
    return found


def _stored(s3: Any, name: str, types: dict[str, str], known: dict[str, File]) -> Table:
    """An Iceberg table: the files of its latest snapshot. They never change, so each is read once for its sha256."""
    snapshots = query.run(
        f'select cast(snapshot_id as varchar) from "{name}$snapshots" order by committed_at desc limit 1'
    )
    files = []
    for path, rows, size, content in query.run(
        f'select file_path, record_count, file_size_in_bytes, content from "{name}$files" order by file_path'
    ):
        digest = known[path].sha256 if path in known else _sha256(s3, path)
        files.append(File(path, rows, size, digest, deletes=content > 0))
    # A file of deletes names rows of others.
    count = sum(-file.rows if file.deletes else file.rows for file in files)
    return Table(types, count, files, snapshot=snapshots[0][0] if snapshots else None)


def _sha256(s3: Any, path: str) -> str:
    bucket, _, key = path.partition("://")[2].partition("/")
    digest = hashlib.sha256()
    for part in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(2**20):
        digest.update(part)
    return digest.hexdigest()
