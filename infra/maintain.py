"""python -m infra.maintain: joins small files and removes old snapshots of the tables on Athena."""

from __future__ import annotations

import argparse
import os

from infra import aws, query

_RUNS = 20


def tables() -> list[str]:
    """The Iceberg tables of the lake's database."""
    pages = (
        aws.client("glue")
        .get_paginator("get_tables")
        .paginate(DatabaseName=os.environ.get("TICKETLAKE_SCHEMA", "ticketlake"))
    )
    found = [table for page in pages for table in page["TableList"]]
    return sorted(
        table["Name"] for table in found if table.get("Parameters", {}).get("table_type", "").upper() == "ICEBERG"
    )


def complete(statement: str) -> None:
    """Runs a statement as often as Athena asks for: it does a large table in parts."""
    for run in range(1, _RUNS + 1):
        try:
            query.run(statement)
            return
        except aws.Refused as error:
            if "MORE_RUNS_NEEDED" not in str(error) or run == _RUNS:
                raise


def main() -> int:
    argparse.ArgumentParser(prog="python -m infra.maintain", description=__doc__.split(": ")[1]).parse_args()
    found = tables()
    for table in found:
        complete(f"optimize {table} rewrite data using bin_pack")
        complete(f"vacuum {table}")
        print(table)
    print(f"{len(found)} tables maintained")
    return 0


if __name__ == "__main__":
    aws.run(main)
