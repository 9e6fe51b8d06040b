"""The command line: `python -m lookup --help`."""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys

import lookup
from lookup.stores import default_store

DESCRIPTION = """\
One service record by its id, with its parts and failure codes, in milliseconds: from $LAKE/lookup.sqlite, or from the
DynamoDB table that TICKETLAKE_LOOKUP_TABLE names. docs/lookup.md says what can be relied on.
"""


def _get(ids: list[str]) -> int:
    store = default_store()
    found = lookup.get_many(ids, store)
    for record in found.values():
        print(json.dumps(record, indent=2, ensure_ascii=False))
    missing = [id for id in dict.fromkeys(ids) if id not in found]
    for id in missing:
        print(lookup.unknown(id, store), file=sys.stderr)
    return 1 if missing else 0


def _place(target: str) -> str | None:
    """Where what a target of dbt has published is; none for the default place."""
    if target != "athena":
        return None
    from curated.athena import default_address

    return default_address()


def _load(target: str, compare: bool) -> None:
    from lookup.loading import load

    store = default_store()
    outcome = load(store, _place(target), compare)
    print(
        f"{store}, {outcome.version}: {outcome.records:,} records, "
        f"{outcome.written:,} written, {outcome.deleted:,} deleted"
    )
    if outcome.left_out:
        print(
            f"{outcome.left_out:,} records have ids of more than {store.max_id_bytes:,} bytes and are left out.",
            file=sys.stderr,
        )


def _status(target: str) -> int:
    import curated
    from lookup.loading import reading_curated

    store = default_store()
    with reading_curated():
        published = curated.read(_place(target))
    state = store.state()
    print(f"{store}: {state.records:,} records, {lookup.told(state)}")
    is_latest = not state.begun and state.complete is not None and state.complete.folder == published.manifest.folder
    remedy = "It is loaded." if is_latest else "Load it: python -m lookup load"
    print(f"Published: version {published.version}. {remedy}")
    return 0 if is_latest else 1


def _create_table() -> None:
    store = default_store()
    if not hasattr(store, "create"):
        raise lookup.Refused("TICKETLAKE_LOOKUP_TABLE is not set. Set it to the name that the table is to have.")
    print(f"{store}: {'made' if store.create() else 'it is there'}. Load it: python -m lookup load")


def main() -> int | None:
    parser = argparse.ArgumentParser(
        prog="python -m lookup", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    getting = commands.add_parser("get", help="print records as JSON; ends with 1 if one is unknown")
    getting.add_argument("ids", metavar="ID", nargs="+", help="service_record_id")
    getting.set_defaults(run=_get)
    loading = commands.add_parser("load", help="load what has been published since the last load")
    loading.add_argument("--compare", action="store_true", help="look at all that is there, and mend what differs")
    loading.set_defaults(run=_load)
    status = commands.add_parser("status", help="what is loaded; ends with 1 if it is not the latest")
    status.set_defaults(run=_status)
    for command in (loading, status):
        command.add_argument("target", nargs="?", choices=("duckdb", "athena"), default="duckdb", help="of dbt")
    commands.add_parser("create-table", help="make the table on DynamoDB").set_defaults(run=_create_table)
    options = vars(parser.parse_args())
    try:
        return options.pop("run")(**options)
    except (lookup.Refused, lookup.TooLong) as error:
        sys.exit(str(error))
    except sqlite3.Error as error:
        sys.exit(f"{default_store()}: {error}. What had been loaded before is unchanged.")


if __name__ == "__main__":
    if os.environ.get("TICKETLAKE_LOOKUP_TABLE") or os.environ.get("TICKETLAKE_CURATED", "").startswith("s3://"):
        from infra import aws

        aws.run(main)
    sys.exit(main())
