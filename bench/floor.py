"""The floor: all public models of a lake by one script, floor.sql: `python -m bench.floor LAKE DATABASE`."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from pathlib import Path

import duckdb

SCRIPT = Path(__file__).with_name("floor.sql")
SEEDS = Path(__file__).resolve().parent.parent / "seeds"


def build(lake, database, seeds=SEEDS, as_of=None):
    """Computes the public models of `lake` into a new `database`; returns (table, seconds, CPU seconds) of each."""
    Path(database).unlink(missing_ok=True)
    with duckdb.connect(str(database)) as connection:
        connection.execute(f"set memory_limit = '{os.environ.get('TICKETLAKE_MEMORY', '3GB')}'")
        connection.execute("set TimeZone = 'UTC'")
        for name, value in (("lake", str(lake)), ("seeds", str(seeds)), ("as_of", as_of)):
            connection.execute(f"set variable {name} = ?", [value])
        return [
            (name, *_timed(connection, statement))
            for statement in duckdb.extract_statements(SCRIPT.read_text(encoding="utf-8"))
            for name in [_made_by(statement.query)]
        ]


def _made_by(statement):
    """The table that a statement makes, `settings` for all else."""
    made = re.search(r"^create (?:temp )?table (\w+) as", statement, re.MULTILINE)
    return made[1] if made else "settings"


def _timed(connection, statement):
    start, cpu = time.perf_counter(), time.process_time()
    connection.execute(statement)
    return time.perf_counter() - start, time.process_time() - cpu


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Name a lake, the folder that holds raw/, and a database to write: bench.floor LAKE DATABASE")
    print(json.dumps(build(*sys.argv[1:])))
