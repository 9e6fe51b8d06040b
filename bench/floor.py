"""The floor: all public models of a lake by hand-written scripts: `python -m bench.floor LAKE DATABASE [PART]`."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import duckdb

PARTS = ("tickets", "feeds")
SEEDS = Path(__file__).resolve().parent.parent / "seeds"


def build(lake, database, parts=PARTS, seeds=SEEDS, as_of=None):
    """Computes public models of `lake` into a `database`; returns (table, seconds, CPU seconds) of each.

    The tickets' come first and make the database anew; those of the other feeds go into it.
    """
    if "tickets" in parts:
        Path(database).unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"set memory_limit = '{os.environ.get('TICKETLAKE_MEMORY', '3GB')}'")
        connection.execute("set TimeZone = 'UTC'")
        for name, value in (("lake", str(lake)), ("seeds", str(seeds)), ("as_of", as_of)):
            connection.execute(f"set variable {name} = ?", [value])
        return [
            (name, *_timed(connection, statement))
            for part in ("raw", *parts)
            for statement in duckdb.extract_statements(_script(part))
            for name in [_made_by(statement.query)]
        ]


def _script(part):
    return Path(__file__).with_name(f"floor_{part}.sql").read_text(encoding="utf-8")


def _made_by(statement):
    """The table that a statement makes or adds to, `settings` for all else."""
    made = re.search(r"^(?:create (?:temp )?table|insert into) (\w+)", statement, re.MULTILINE)
    return made[1] if made else "settings"


def _timed(connection, statement):
    start, cpu = time.perf_counter(), time.process_time()
    connection.execute(statement)
    return time.perf_counter() - start, time.process_time() - cpu


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or not set(sys.argv[3:]) <= set(PARTS):
        sys.exit(
            "Name a lake, the folder that holds raw/, and a database to write, and tickets or feeds to compute only "
            "these, feeds into a database that has the tickets: bench.floor LAKE DATABASE [tickets|feeds]"
        )
    print(json.dumps(build(*sys.argv[1:3], parts=sys.argv[3:] or PARTS)))
