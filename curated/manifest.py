"""manifest.json: which version readers read, and all that it consists of."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone

NAME = "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class File:
    """`path` is below the curated zone, on Athena whole; `sha256` in lower-case hexadecimal digits.

    A file that `deletes` names rows of other files that count no longer, which Iceberg has.
    """

    path: str
    rows: int
    bytes: int
    sha256: str
    deletes: bool = False


@dataclass(frozen=True)
class Table:
    """`columns`: types by name, Arrow's, on Athena its own.

    On Athena `snapshot` is Iceberg's, and a view has no files of its own: `reads` names the tables that have its rows.
    """

    columns: dict[str, str]
    rows: int | None
    files: list[File]
    partitioned_by: list[str] = field(default_factory=list)
    reads: list[str] = field(default_factory=list)
    snapshot: str | None = None


@dataclass(frozen=True)
class Version:
    """An older version that is still there, and since when it is old."""

    version: int
    folder: str
    superseded_at: str


@dataclass(frozen=True)
class Manifest:
    """One version. `build_id` is dbt's invocation_id of the build that it was published from."""

    version: int
    build_id: str
    as_of: str | None
    published_at: str
    folder: str
    tables: dict[str, Table]
    kept: list[Version]
    engine: str = "duckdb"
    format: int = FORMAT

    @property
    def folders(self) -> dict[int, str]:
        """Those of the versions that are there, by number."""
        return {**{kept.version: kept.folder for kept in self.kept}, self.version: self.folder}

    def to_json(self) -> bytes:
        return (json.dumps(asdict(self), indent=1) + "\n").encode()


def from_json(content: bytes) -> Manifest:
    """A manifest as it was written. ValueError if it is of a format that this version of the project does not know."""
    found = json.loads(content)
    if found["format"] != FORMAT:
        raise ValueError(
            f"{NAME} has format {found['format']}, and this version of the project reads {FORMAT}. Use the version "
            "that published it, or publish again."
        )
    tables = {
        name: Table(**{**table, "files": [File(**file) for file in table["files"]]})
        for name, table in found["tables"].items()
    }
    return Manifest(**{**found, "tables": tables, "kept": [Version(**version) for version in found["kept"]]})


def moment(of: datetime | None = None) -> str:
    """A moment, or now, as text: UTC, to the microsecond."""
    return (of or datetime.now(timezone.utc)).astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")
