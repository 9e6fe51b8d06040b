"""Brings a store from what it holds to what is published, by writing what differs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

import curated
from lookup import documents
from lookup.stores import Load, Refused, State, Store, Version, default_store

BATCH = 2_500
_DIGESTS = pa.schema([("service_record_id", pa.string()), ("digest", pa.string())])
# A record is left alone if each version that the store may have it from gives the same document.
_CHANGES = """
    with held as (
        select service_record_id, digest, count(*) as times from digests group by all
    )
    select documents.service_record_id, documents.document
    from documents
    left join held
        on
            documents.service_record_id = held.service_record_id
            and md5(documents.document) = held.digest
            and held.times = $bases
    where held.service_record_id is null and documents.service_record_id > $reached
    union all
    select service_record_id, null from (
        select service_record_id from digests where service_record_id > $reached
        except
        select service_record_id from kept_records
    )
    order by service_record_id
"""
_COUNTS = """
    select kept.records, published.records - kept.records
    from (select count(*) as records from kept_records) as kept
    cross join (select count(*) as records from fct_service_records) as published
"""


@dataclass(frozen=True)
class Outcome:
    """`left_out`: records whose id is longer than the store takes."""

    version: Version
    records: int
    written: int
    deleted: int
    left_out: int


def load(store: Store | None = None, place: str | None = None, compare: bool = False) -> Outcome:
    """Loads the latest version of the curated zone at `place`, or of the default one, and completes what was killed.

    `compare`: trusts no state, but looks at all that the store holds. Refused if nothing is published, the store is not
    there, another load is going on, or the version is removed meanwhile.
    """
    store = store or default_store()
    with reading_curated(), store.loading() as going:
        state, published = going.state(), curated.read(place)
        target = _version(published, store)
        if state.complete == target and not state.begun and not compare:
            return Outcome(target, state.records, 0, 0, 0)
        with closing(_connect(published, store)) as connection:
            connection.execute("create temp table digests (service_record_id varchar, digest varchar)")
            older = None if compare or store.is_read_quickly else _older_versions(state, target, store, place)
            reached = ""
            if older:
                for version in filter(None, older):
                    with closing(_connect(version, store)) as other:
                        sql = "select service_record_id, md5(document) as digest from documents"
                        _keep(connection, pa.RecordBatchReader.from_stream(other.sql(sql)))
                if state.begun[-1:] == (target,):
                    reached = state.reached
            else:
                _keep(connection, pa.RecordBatchReader.from_batches(_DIGESTS, _stored(going)))

            begun = (*(one for one in state.begun if one != target), target)
            state = replace(state, begun=begun, reached=reached)
            going.note(state)
            written = deleted = 0
            changes = connection.execute(_CHANGES, {"bases": len(older or "1"), "reached": reached})
            while batch := changes.fetchmany(BATCH):
                going.write(batch)
                state = replace(state, reached=batch[-1][0])
                going.note(state)
                removed = sum(document is None for _, document in batch)
                written, deleted = written + len(batch) - removed, deleted + removed
            ((records, left_out),) = connection.execute(_COUNTS).fetchall()
            going.note(State(target, records=records))
    return Outcome(target, records, written, deleted, left_out)


@contextmanager
def reading_curated() -> Iterator[None]:
    """Refused if a version cannot be read."""
    try:
        yield
    except (curated.NotPublished, curated.VersionGone) as error:
        raise Refused(str(error)) from error
    except duckdb.IOException as error:
        raise Refused(f"{error}. Load again: the next load completes this one.") from error


def _version(published: curated.Curated, store: Store) -> Version:
    form = documents.form(store.max_id_bytes, store.max_document_bytes)
    as_of = f"{published.as_of:%Y-%m-%d %H:%M} UTC" if published.as_of else None
    return Version(published.version, published.manifest.folder, as_of, form)


def _connect(published: curated.Curated, store: Store) -> duckdb.DuckDBPyConnection:
    connection = published.connect(*documents.TABLES)
    documents.create_views(connection, store.max_id_bytes, store.max_document_bytes)
    return connection


def _older_versions(
    state: State, target: Version, store: Store, place: str | None
) -> list[curated.Curated | None] | None:
    """Each version that records may be of besides the target, None for no record at all; None if one cannot be read.

    Versions whose documents were made in another way cannot be made again.
    """
    found: list[curated.Curated | None] = []
    for version in {state.complete, *state.begun} - {target}:
        if version is None:
            found.append(None)
            continue
        try:
            published = curated.read(place, version.number)
        except curated.VersionGone:
            return None
        if _version(published, store) != version:
            return None
        found.append(published)
    return found


def _stored(going: Load) -> Iterator[pa.RecordBatch]:
    for rows in going.stored():
        ids = [id for id, _ in rows]
        digests = [hashlib.md5(document.encode(), usedforsecurity=False).hexdigest() for _, document in rows]
        yield pa.record_batch([pa.array(ids, pa.string()), pa.array(digests, pa.string())], schema=_DIGESTS)


def _keep(connection: duckdb.DuckDBPyConnection, digests: pa.RecordBatchReader) -> None:
    connection.register("found", digests)
    connection.execute("insert into digests from found")
    connection.unregister("found")
