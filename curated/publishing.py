"""Writes what a build on DuckDB has passed as the next version of the curated zone."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet

from curated.manifest import NAME, File, Manifest, Table, Version, from_moment, moment
from curated.places import Place
from curated.reader import sha256

PARTITION = "market"


class NothingPassed(Exception):
    """No build has passed that could be published."""


@dataclass(frozen=True)
class Kept:
    """How many versions stay beside the latest, and for how long each stays at least once it is not the latest."""

    versions: int = 3
    hours: float = 1

    @classmethod
    def configured(cls) -> Kept:
        return cls(
            int(os.environ.get("TICKETLAKE_KEEP_VERSIONS", cls.versions)),
            float(os.environ.get("TICKETLAKE_KEEP_HOURS", cls.hours)),
        )

    def of(self, versions: list[Version], now: datetime) -> list[Version]:
        """Those that stay, newest first as they are given."""
        since = now - timedelta(hours=self.hours)
        return [
            version
            for age, version in enumerate(versions)
            if age < self.versions or from_moment(version.superseded_at) > since
        ]


def publish(database: Path, where: Place, kept: Kept) -> tuple[Manifest, bool]:
    """The version that readers now read, and whether it is new. NothingPassed, Busy; duckdb.Error if it is in use.

    A build that is published already is not published again. Whatever happens on the way, readers go on reading the
    version before; what a killed publication has left is removed by the next.
    """
    with where.publishing(), duckdb.connect(str(database), read_only=True) as connection:
        connection.execute("set TimeZone = 'UTC'")
        build, tables = passed_build(connection)
        before = where.current()
        if before and before.build_id == build:
            where.clean(before)
            return before, False
        manifest = follow(before, build, _as_of(connection), kept)
        with where.writing(manifest.folder) as folder:
            written = {name: _written(connection, name, folder, manifest.folder) for name in tables}
            manifest = replace(manifest, tables=written)
            (folder / NAME).write_bytes(manifest.to_json())
        where.switch(manifest)
        where.clean(manifest)
    return manifest, True


def follow(before: Manifest | None, build: str, as_of: datetime | None, kept: Kept) -> Manifest:
    """The version after another, without its tables."""
    number, now = (before.version if before else 0) + 1, datetime.now(timezone.utc)
    older = [Version(before.version, before.folder, moment(now)), *before.kept] if before else []
    return Manifest(
        version=number,
        build_id=build,
        as_of=moment(as_of) if as_of else None,
        published_at=moment(now),
        folder=f"v{number:06}-{secrets.token_hex(4)}",
        tables={},
        kept=kept.of(older, now),
    )


def passed_build(connection: duckdb.DuckDBPyConnection) -> tuple[str, list[str]]:
    """The build whose tables are there, and the public ones. NothingPassed if not all of it has passed."""
    try:
        rows = connection.execute("select distinct build_id, public_table from passed_builds order by all").fetchall()
    except duckdb.CatalogException:
        rows = []
    if not rows:
        raise NothingPassed(
            "Nothing is published: no build has passed all its tests since tables were last written. Run a whole "
            "`dbt build`, without --select, --exclude, --empty or --sample, then publish again."
        )
    return rows[0][0], [table for _, table in rows]


def _as_of(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    (found,) = connection.execute("select max(as_of) at time zone 'UTC' from int_as_of").fetchone()
    return found


def _written(connection: duckdb.DuckDBPyConnection, name: str, folder: Path, version: str) -> Table:
    """Writes a table into a folder of its own, and looks at what has been written."""
    columns = dict(connection.execute(f'select column_name, column_type from (describe "{name}")').fetchall())
    chosen = ", ".join(
        f'"{column}" at time zone \'UTC\' as "{column}"' if kind == "TIMESTAMP" else f'"{column}"'
        for column, kind in columns.items()
    )
    (count,) = connection.execute(f'select count(*) from "{name}"').fetchone()
    # Without a row there would be no partition, and so no file that tells the columns.
    partitions = [PARTITION] if PARTITION in columns and count else []
    target, options = folder / name, f", partition_by ({PARTITION}), write_partition_columns true" if partitions else ""
    if not partitions:
        target.mkdir()
        target /= "data_0.parquet"
    path = str(target).replace("'", "''")
    connection.execute(
        f"copy (select {chosen} from \"{name}\") to '{path}' (format parquet, compression zstd{options})"
    )

    files, schemas = [], []
    for path in sorted((folder / name).rglob("*.parquet")):
        found = parquet.ParquetFile(path)
        # Arrow tells a map's name with its type.
        schemas.append({field.name: re.sub(r" \('\w+'\)", "", str(field.type)) for field in found.schema_arrow})
        place = f"{version}/{path.relative_to(folder).as_posix()}"
        files.append(File(place, found.metadata.num_rows, path.stat().st_size, sha256(path)))
    if [*schemas[0]] != [*columns] or any(schema != schemas[0] for schema in schemas):
        raise RuntimeError(f"{name} has the columns {columns}, and its files were written with {schemas}")
    if sum(file.rows for file in files) != count:
        raise RuntimeError(f"{name} has {count} rows, and {sum(file.rows for file in files)} were written")
    return Table(schemas[0], count, files, partitions)
