"""What a store of the look-up is, and which one the environment names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Protocol


class Refused(Exception):
    """What is in the way, and what to do."""


@dataclass(frozen=True)
class Version:
    """A published version, by its folder; `form` says how its documents were made, which the code may change."""

    number: int
    folder: str
    as_of: str | None
    form: str

    def __str__(self) -> str:
        return f"version {self.number}, as of {self.as_of or 'no update'}"


@dataclass(frozen=True)
class State:
    """What a store holds: each record as `complete` has it, or as one of `begun` has it, the loads that have not ended.

    Up to the id `reached`, each is as the last of `begun` has it. Without `complete` there was nothing before them.
    """

    complete: Version | None = None
    begun: tuple[Version, ...] = ()
    reached: str = ""
    records: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> State:
        found = json.loads(text)
        complete = found["complete"] and Version(**found["complete"])
        return cls(**{**found, "complete": complete, "begun": tuple(Version(**one) for one in found["begun"])})


class Store(Protocol):
    """Documents, JSON as text, by service_record_id. `str()` of it says where it is."""

    max_id_bytes: int | None
    max_document_bytes: int | None
    is_read_quickly: bool  # whether to read all of it takes less than to make the documents of another version

    def find(self, ids: Sequence[str]) -> dict[str, str]:
        """The documents of those ids that it has. Refused if the store is not there."""

    def state(self) -> State:
        """Refused if the store is not there."""

    def loading(self) -> AbstractContextManager[Load]:
        """What a load writes with, one at a time. Refused if another load is going on."""


class Load(Protocol):
    """Each call ends when what it did is there to stay, or, with all others, will be at the end of `loading`."""

    def state(self) -> State: ...

    def note(self, state: State) -> None: ...

    def write(self, changes: Sequence[tuple[str, str | None]]) -> None:
        """Puts documents by their ids, and removes those of which there is none."""

    def stored(self) -> Iterable[Sequence[tuple[str, str]]]:
        """All ids and documents, some at a time."""


@cache
def _dynamodb(table: str) -> Store:
    try:
        from lookup.dynamodb import DynamoDB
    except ModuleNotFoundError as error:
        raise Refused(
            f"TICKETLAKE_LOOKUP_TABLE is set, and DynamoDB needs boto3: make .venv/serving ({error})"
        ) from error
    return DynamoDB(table)


def default_store() -> Store:
    """The DynamoDB table that TICKETLAKE_LOOKUP_TABLE names; if it is not set, lookup.sqlite in the lake."""
    if table := os.environ.get("TICKETLAKE_LOOKUP_TABLE"):
        return _dynamodb(table)
    from lookup.sqlite import SQLite

    return SQLite(Path(os.environ.get("LAKE", "lake")) / "lookup.sqlite")
