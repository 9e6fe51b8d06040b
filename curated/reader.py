"""What has been published, to be read: one whole version at a time."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path

import duckdb

from curated.manifest import Manifest, Table, from_moment
from curated.places import Place, default_address, place

TRIES = 5  # of reading which version is the latest, while others are published


class NotPublished(Exception):
    """There is no version to read."""


class VersionGone(Exception):
    """A version that was there once, or never."""


class Curated:
    """One version. Its files never change; they are there as long as the version is kept."""

    def __init__(self, manifest: Manifest, where: Place):
        self.manifest = manifest
        self._place = where

    @property
    def version(self) -> int:
        return self.manifest.version

    @property
    def as_of(self) -> datetime | None:
        """The moment as of which its numbers are, UTC."""
        return from_moment(self.manifest.as_of) if self.manifest.as_of else None

    @property
    def versions(self) -> list[int]:
        """Those that were kept when it was published, and itself; oldest first."""
        return sorted(self.manifest.folders)

    def files(self, table: str) -> list[Path]:
        """The Parquet files of a table, on this machine; on S3 they are fetched, once. VersionGone if they are gone."""
        try:
            return [self._place.local(file.path, file.bytes) for file in self.table(table).files]
        except FileNotFoundError as error:
            raise VersionGone(
                f"{self._place}: version {self.version} is not kept any more, {error.args[0]} is gone. Read the latest."
            ) from error

    def connect(self, *tables: str) -> duckdb.DuckDBPyConnection:
        """A database in memory with a view for each table, or for those named; times are in UTC."""
        connection = duckdb.connect()
        connection.execute("set global TimeZone = 'UTC'")  # for its cursors, too
        for table in tables or self.manifest.tables:
            files = [str(path) for path in self.files(table)]
            connection.read_parquet(files, hive_partitioning=False).create_view(table)
        return connection

    def damaged(self) -> list[str]:
        """The paths of files that are not what was published."""
        return [
            file.path
            for name, table in self.manifest.tables.items()
            for file, path in zip(table.files, self.files(name), strict=True)
            if path.stat().st_size != file.bytes or sha256(path) != file.sha256
        ]

    def table(self, name: str) -> Table:
        """What the manifest says of a table. KeyError if it is not published."""
        if name not in self.manifest.tables:
            raise KeyError(f"{name} is not published; {', '.join(sorted(self.manifest.tables))} are")
        return self.manifest.tables[name]


def read(where: str | None = None, version: int | None = None) -> Curated:
    """The latest version, or one that is kept, of a folder or s3:// address (TICKETLAKE_CURATED, or LAKE's)."""
    found = place(str(where or default_address()))
    for _ in range(TRIES):
        current = found.current()
        if current is None:
            raise NotPublished(f"Nothing is published in {found}. `make build` publishes what has passed its tests.")
        found.forget(current)
        if version in (None, current.version):
            return _on_athena(current, found) if current.engine == "athena" else Curated(current, found)
        if version not in current.folders:
            kept = ", ".join(map(str, sorted(current.folders)))
            raise VersionGone(f"{found} has no version {version}; there are {kept}.")
        try:
            return Curated(found.manifest(current.folders[version]), found)
        except FileNotFoundError:
            continue
    raise VersionGone(f"{found}: version {version} was removed while it was looked for. Read the latest.")


def _on_athena(manifest: Manifest, where: Place) -> Curated:
    from curated.athena import Tables

    return Tables(manifest, where)


def sha256(path: Path) -> str:
    """Of a file's content, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(2**20):
            digest.update(part)
    return digest.hexdigest()
