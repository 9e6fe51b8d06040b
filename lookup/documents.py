"""Makes a document of each service record: all that is published of it, as JSON."""

from __future__ import annotations

import hashlib

import duckdb

TABLES = ("fct_service_records", "fct_service_parts", "fct_service_failures")

# JSON knows no moments, and nothing that is infinite.
_AS_JSON = {
    "TIMESTAMP": """replace(strftime(make_timestamp(epoch_us("{0}")), '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z')""",
    "DOUBLE": 'if(isfinite("{0}"), "{0}", null)',
}
_KEPT = "create temp view kept_records as select {columns} from fct_service_records where {is_kept}"
_DOCUMENTS = """
create temp view documents as
with parts as (
    select
        service_record_id,
        list(
            {{
                line: line, part_code: part_code, part_name: part_name,
                quantity: {quantity}, unit_price: {unit_price}, cost: {cost}
            }}
            order by line
        ) as parts
    from fct_service_parts
    group by service_record_id
),
failures as (
    select service_record_id, list(failure_code order by failure_code) as failure_codes
    from fct_service_failures
    group by service_record_id
),
records as (
    select
        kept_records.*,
        coalesce(parts.parts, []) as parts,
        coalesce(failures.failure_codes, []) as failure_codes
    from kept_records
    left join parts using (service_record_id)
    left join failures using (service_record_id)
),
made as (select service_record_id, cast(to_json(records) as varchar) as document from records)
select service_record_id, {document} as document from made
"""
# What is too long says so in its place.
_DOCUMENT_UP_TO = """
    if(
        strlen(document) <= {0},
        document,
        cast(to_json({{service_record_id: service_record_id, bytes_left_out: strlen(document)}}) as varchar)
    )
"""


def form(max_id_bytes: int | None, max_document_bytes: int | None) -> str:
    """What of the code decides what a document is, as one word."""
    parts = (_AS_JSON, _KEPT, _DOCUMENTS, _DOCUMENT_UP_TO, max_id_bytes, max_document_bytes)
    return hashlib.md5(repr(parts).encode(), usedforsecurity=False).hexdigest()


def create_views(
    connection: duckdb.DuckDBPyConnection, max_id_bytes: int | None, max_document_bytes: int | None
) -> None:
    """Views `kept_records`, whose ids are not too long, and `documents` (service_record_id, document) of them."""
    described = connection.execute("select column_name, column_type from (describe fct_service_records)").fetchall()
    columns = ", ".join(f'{_as_json(name, kind)} as "{name}"' for name, kind in described)
    is_kept = f"strlen(service_record_id) <= {max_id_bytes}" if max_id_bytes else "true"
    connection.execute(_KEPT.format(columns=columns, is_kept=is_kept))
    numbers = {name: _as_json(name, "DOUBLE") for name in ("quantity", "unit_price", "cost")}
    document = _DOCUMENT_UP_TO.format(max_document_bytes) if max_document_bytes else "document"
    connection.execute(_DOCUMENTS.format(document=document, **numbers))


def _as_json(name: str, kind: str) -> str:
    return _AS_JSON.get(kind.removesuffix(" WITH TIME ZONE"), '"{0}"').format(name)
