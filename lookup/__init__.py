"""One service record by its id, in milliseconds: `python -m lookup get ID`. docs/lookup.md says how."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from lookup.stores import Refused, State, Store, default_store

__all__ = ["Refused", "TooLong", "UnknownRecord", "get", "get_many"]

_WHITE_SPACE = " \t\n\v\f\r"


class UnknownRecord(LookupError):
    """There is no such record in the store."""

    def __str__(self) -> str:
        return self.args[0]


class TooLong(LookupError):
    """There is such a record, and the store does not take what is known of it."""

    def __str__(self) -> str:
        return self.args[0]


def get(service_record_id: str, store: Store | None = None) -> dict[str, Any]:
    """A record with its parts and failure codes. UnknownRecord; TooLong; Refused if nothing has been loaded."""
    store = store or default_store()
    found = get_many([service_record_id], store)
    if service_record_id not in found:
        raise UnknownRecord(unknown(service_record_id, store))
    return found[service_record_id]


def get_many(service_record_ids: Iterable[str], store: Store | None = None) -> dict[str, dict[str, Any]]:
    """The records of those ids that are known, by id. TooLong; Refused if nothing has been loaded."""
    store = store or default_store()
    ids = [id for id in dict.fromkeys(service_record_ids) if _is_id(id, store)]
    found = {id: json.loads(document) for id, document in store.find(ids).items()}
    for id, record in found.items():
        if "bytes_left_out" in record:
            raise TooLong(
                f"What is known of service record {id} is {record['bytes_left_out']:,} bytes long, and {store} takes "
                f"{store.max_document_bytes:,}. Read it in fct_service_records of the curated zone."
            )
    return {id: found[id] for id in ids if id in found}


def _is_id(id: str, store: Store) -> bool:
    """Whether a record of this store can be called so."""
    try:
        size = len(id.encode())
    except UnicodeEncodeError:
        return False
    return bool(id.strip(_WHITE_SPACE)) and size <= (store.max_id_bytes or size)


def unknown(service_record_id: str, store: Store) -> str:
    """That there is no such record: as of when, and what to do if it ought to be there."""
    shown = service_record_id if len(service_record_id) <= 100 else f"{service_record_id[:100]}…"
    if not _is_id(service_record_id, store):
        limit = f" of up to {store.max_id_bytes:,} bytes" if store.max_id_bytes else ""
        return f"{shown!r} is no id of a service record in {store}: an id is a text{limit}, and not a blank one."
    return (
        f"No service record is called {shown!r} in {store}, which has {told(store.state())}. Capital and small letters "
        "differ. If it ought to be there: `python -m lookup status` says whether a later version is published, and "
        "quarantined_lines whether its line was refused."
    )


def told(state: State) -> str:
    """What a store holds, in words."""
    if not state.begun:
        return str(state.complete) if state.complete else "nothing yet: python -m lookup load"
    return f"{state.complete or 'nothing'}, and in part {state.begun[-1]}: a load is going on, or was ended; load again"
