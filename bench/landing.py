"""How fast files of tickets land, and in how much memory: `python -m bench.landing --help`."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.lakes import fresh
from bench.report import table

PROJECT = Path(__file__).resolve().parent.parent
DESCRIPTION = """\
Makes CSV files of one row per ticket, lands each in a process of its own in a new lake, and lands it again. Prints how
long that took, and how much memory, for a file and for one of a tenth of its rows.
"""
HEADS = ("rows", "file MB", "", "updates landed", "seconds", "rows a second", "processor seconds", "peak MB")

# Opened within two years; nine in ten are resolved and then closed. Times are local, day first.
_ROWS = """
copy (
    with tickets as (
        select
            number,
            timestamp '2024-01-01' + to_seconds((hash(number, 1) % 63000000)::bigint) as opened,
            hash(number, 2) % 10 > 0 as is_done,
            case when is_done then opened + to_minutes((hash(number, 3) % 9000)::bigint) end as resolved
        from range($rows) as numbers (number)
    )
    select
        'T-' || number as "Ticket No",
        strftime(opened, '%d/%m/%Y %H:%M:%S') as "Opened",
        strftime(resolved, '%d/%m/%Y %H:%M:%S') as "Resolved",
        strftime(resolved + to_minutes((hash(number, 4) % 9000)::bigint), '%d/%m/%Y %H:%M:%S') as "Closed",
        strftime(opened + interval 3 day, '%d/%m/%Y %H:%M:%S') as "Due",
        case when is_done then 'Closed' else 'In progress' end as "State",
        (['1 - Critical', '2 - High', '3 - Moderate', '4 - Low'])[1 + (hash(number, 5) % 4)::int] as "Priority",
        (['Germany', 'Austria', 'United Kingdom'])[1 + (hash(number, 6) % 3)::int] as "Country",
        (['billing', 'breakdown', 'charging'])[1 + (hash(number, 7) % 3)::int] as "Category",
        'agent-' || hash(number, 8) % 60 as "Agent",
        'C-' || hash(number, 9) % 200000 as "Customer",
        'Something, is "wrong" with unit ' || hash(number, 10) % 1000 as "Subject"
    from tickets
) to '{path}' (header, delimiter ',')
"""
_MAPPING = """\
rows: tickets
zone: Europe/Berlin
repeated_hour: first
skipped_hour: later
time_format: "%d/%m/%Y %H:%M:%S"
fields:
  ticket_id: Ticket No
  created_at: Opened
  resolved_at: Resolved
  closed_at: Closed
  sla_due_at: Due
  status: {column: State, map: {Closed: closed, In progress: open}}
  severity: {column: Priority, map: {1 - Critical: P1, 2 - High: P2, 3 - Moderate: P3, 4 - Low: P4}}
  market: {column: Country, map: {Germany: DE, Austria: AT, United Kingdom: UK}}
  category: Category
  agent_id: Agent
  customer_id: Customer
  subject: Subject
"""


@dataclass(frozen=True)
class Run:
    """One landing: seconds, processor seconds, peak memory in MB, and how many updates landed."""

    seconds: float
    processor: float
    peak: float
    landed: str


def landed(folder: Path, file: Path) -> Run:
    """Lands a file in a child process."""
    command = [
        sys.executable,
        "-m",
        "landing",
        "csv",
        file,
        "--mapping",
        folder / "map.yml",
        "--lake",
        folder / file.stem,
    ]
    with (folder / "summary").open("wb") as summary:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=PROJECT, stdout=summary, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    text = (folder / "summary").read_text(encoding="utf-8")
    if process.returncode:
        sys.exit(f"landing {file} ended with {process.returncode}:\n{text}")
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text.splitlines()[1].split()[1])


def measure(folder: Path, rows: int) -> list[tuple[str, ...]]:
    """Two rows of the table: the first landing of a file of so many rows, and the second."""
    file = folder / f"tickets_{rows}.csv"
    with duckdb.connect() as connection:
        connection.execute(_ROWS.replace("{path}", str(file)), {"rows": rows})
    found = []
    for name in ("first", "again"):
        run = landed(folder, file)
        figures = (f"{run.seconds:.1f}", f"{rows / run.seconds:,.0f}", f"{run.processor:.1f}", f"{run.peak:,.0f}")
        found.append((f"{rows:,}", f"{file.stat().st_size / 1e6:,.0f}", name, run.landed, *figures))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.landing", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the larger file (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=PROJECT / "target" / "bench_landing", help="to work in")
    options = parser.parse_args()
    folder = fresh(options.folder.resolve())
    (folder / "map.yml").write_text(_MAPPING, encoding="utf-8")
    print(table(HEADS, [row for rows in (options.rows // 10, options.rows) for row in measure(folder, rows)]))


if __name__ == "__main__":
    main()
