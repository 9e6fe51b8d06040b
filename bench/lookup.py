"""How fast one service record is found, and loaded: `python -m bench.lookup --help`."""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext, suppress
from importlib.metadata import version
from pathlib import Path

import duckdb

import lookup
from bench.lakes import fresh
from bench.measure import processor
from bench.report import table, written_into
from bench.stand_in import aws_stand_in
from curated.places import Folder
from curated.publishing import Kept, publish
from lookup.stores import default_store

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "lookup.md"
MARKS = (
    ("<!-- measured by bench.lookup: begin -->", "<!-- measured by bench.lookup: end -->"),
    ("<!-- on moto, measured by bench.lookup: begin -->", "<!-- on moto, measured by bench.lookup: end -->"),
)
RECORDS, LOOK_UPS = 1_000_000, 10_000
RECORDS_ON_DYNAMODB, LOOK_UPS_ON_DYNAMODB = 20_000, 1_000
CHANGED = 100  # one record of so many differs in the second version
MEMORY = "3GB"

DESCRIPTION = """\
Publishes a million made-up service records, loads them, loads them again, loads a version in which one in a hundred
differs, and looks up records one by one. Prints what each took, and writes it into docs/lookup.md if it was measured
with the usual number of records.
"""

# A record has 0 to 3 parts and 0 to 2 failure codes.
_TABLES = f"""
create or replace table int_as_of as select timestamp '2026-03-01 00:00:00' as as_of;
create or replace table fct_service_records as
select
    'SR-' || lpad((number * 7919 % $records)::varchar, 9, '0') as service_record_id,
    'D-' || hash(number, 1) % 60 as dealership_id,
    'VEH-' || hash(number, 2) % 250000 as vehicle_id,
    'TECH-' || hash(number, 3) % 400 as technician_id,
    timestamp '2025-01-01' + to_seconds((hash(number, 4) % 40000000)::bigint) as serviced_at,
    (['maintenance', 'repair', 'recall', 'inspection', 'warranty'])[1 + (hash(number, 5) % 5)::int] as service_type,
    (hash(number, 6) % 200000)::double as odometer_km,
    'Model ' || hash(number, 7) % 9 as vehicle_model,
    (['Berlin', 'Wien', 'London'])[1 + (hash(number, 8) % 3)::int] as city,
    'Noise from the front left, parts replaced, test drive without findings, number ' || number as notes,
    hash(number, 9) % 4 = 0 as is_warranty,
    (hash(number, 10) % 3)::bigint as failure_count,
    (hash(number, 11) % 4)::bigint as parts_count,
    212.5 * parts_count as parts_cost,
    (hash(number, 12) % 80) / 10.0::double as labor_hours,
    95 * labor_hours + if(number % {CHANGED} = 0, $version, 0) as labor_cost,
    parts_cost + labor_cost as total_cost,
    'EUR' as currency
from range($records) as numbers (number);
create or replace table fct_service_parts as
select
    service_record_id,
    line::integer as line,
    'BAT-' || hash(service_record_id, line) % 900 as part_code,
    'Battery module' as part_name,
    1.0::double as quantity,
    212.5::double as unit_price,
    212.5::double as cost
from fct_service_records
cross join unnest(range(1, parts_count + 1)) as lines (line);
create or replace table fct_service_failures as
select service_record_id, 'BAT-F0' || number as failure_code
from fct_service_records
cross join unnest(range(1, failure_count + 1)) as numbers (number);
create or replace table passed_builds as
select
    $version::varchar as build_id,
    unnest(['fct_service_records', 'fct_service_parts', 'fct_service_failures']) as public_table;
"""


class Bench:
    """A lake in which there is nothing but made-up service records."""

    def __init__(self, folder, records):
        self._folder, self._records = fresh(folder), records
        # What the commands and this process find the lake and the store by.
        os.environ.update(LAKE=str(folder), TICKETLAKE_CURATED=str(folder / "curated"))

    def publish(self, number):
        with duckdb.connect(str(self._folder / "lake.duckdb")) as database:
            database.execute(f"set memory_limit = '{MEMORY}'")
            for statement in filter(str.strip, _TABLES.split(";")):
                values = {"records": self._records, "version": number}
                database.execute(statement, {name: value for name, value in values.items() if f"${name}" in statement})
        publish(self._folder / "lake.duckdb", Folder(self._folder / "curated"), Kept())

    def command(self, *arguments):
        """What a command of the look-up took, and what it printed."""
        output = self._folder / "output"
        with output.open("wb") as sink:
            start = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, "-m", "lookup", *arguments], cwd=PROJECT, stdout=sink, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
        text = output.read_text(encoding="utf-8")
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(text)
        print(f"{' '.join(arguments):20} {wall:7.1f} s", file=sys.stderr)
        return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, text

    def load(self, *arguments):
        wall, cpu, memory, text = self.command("load", *arguments)
        written, deleted = re.search(r"([\d,]+) written, ([\d,]+) deleted", text).groups()
        return [f"{wall:.1f}", f"{cpu:.1f}", f"{memory:,.0f}", written, deleted]

    def look_ups(self, count, prefix="SR-"):
        """The milliseconds of each of so many look-ups of ids at random."""
        store, chance, found = default_store(), random.Random(1), []
        for _ in range(count):
            name = f"{prefix}{chance.randrange(self._records):09}"
            start = time.perf_counter()
            with suppress(lookup.UnknownRecord):
                record = lookup.get(name, store)
                assert record["service_record_id"] == name
            found.append(1000 * (time.perf_counter() - start))
        found.sort()
        return [f"{count:,}", *(f"{found[min(int(share * count), count - 1)]:.2f}" for share in (0.5, 0.99, 1))]

    def remember(self):
        """Reads the file, so that the machine has it in memory."""
        with (self._folder / "lookup.sqlite").open("rb") as file:
            while file.read(2**20):
                pass

    def forget(self):
        """Takes the file out of the machine's memory."""
        with (self._folder / "lookup.sqlite").open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)

    def megabytes(self):
        return (self._folder / "lookup.sqlite").stat().st_size / 1e6


@contextmanager
def moto():
    """A table on a stand-in for DynamoDB, as the environment names it."""
    with aws_stand_in() as environment:
        os.environ.update(environment, TICKETLAKE_LOOKUP_TABLE="bench")
        default_store().create()
        yield


def measured(folder, records, look_ups, on_dynamodb):
    """Markdown of what was measured."""
    bench = Bench(folder, records)
    load = os.getloadavg()[0]
    bench.publish(1)
    loads = [["the first", *bench.load()], ["the same version again", *bench.load()]]
    bench.publish(2)
    loads.append([f"the next version, 1 record in {CHANGED} differs", *bench.load()])
    loads.append(["`--compare`, nothing differs", *bench.load("--compare")])
    if not on_dynamodb:
        bench.remember()
    found = [["known", *bench.look_ups(look_ups)], ["unknown", *bench.look_ups(look_ups, "SR-X")]]
    place = f"a stand-in for DynamoDB, moto {version('moto')}, in the process that measures look-ups"
    if not on_dynamodb:
        bench.forget()
        found.append(["known, with nothing of the file in memory at first", *bench.look_ups(look_ups // 10)])
        place = f"SQLite {sqlite3.sqlite_version}, a file of {bench.megabytes():,.0f} MB"
    wall, *_ = bench.command("get", "SR-000000000")
    return "\n\n".join(
        (
            f"{records:,} records in {place}; {os.cpu_count()} cores ({processor()}), load {load:.1f} at the start; "
            f"Python {platform.python_version()}, DuckDB {duckdb.__version__}.",
            table(["`python -m lookup load`", "seconds", "CPU seconds", "peak memory MB", "written", "deleted"], loads),
            table(["ids, looked up one by one", "look-ups", "p50 ms", "p99 ms", "longest ms"], found),
            f"`python -m lookup get ID`, from start to end of the process: {wall:.2f} s.",
        )
    )


def main():
    parser = argparse.ArgumentParser(
        prog="python -m bench.lookup", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dynamodb", action="store_true", help="on moto, which is not as fast as DynamoDB")
    parser.add_argument("--records", type=int, help=f"({RECORDS:,}; {RECORDS_ON_DYNAMODB:,} with --dynamodb)")
    parser.add_argument("--look-ups", type=int, help=f"({LOOK_UPS:,}; {LOOK_UPS_ON_DYNAMODB:,} with --dynamodb)")
    parser.add_argument(
        "--folder", type=Path, default=PROJECT / "target" / "bench_lookup", help="to work in (target/bench_lookup)"
    )
    options = parser.parse_args()
    usual = (RECORDS_ON_DYNAMODB, LOOK_UPS_ON_DYNAMODB) if options.dynamodb else (RECORDS, LOOK_UPS)
    sizes = (options.records or usual[0], options.look_ups or usual[1])
    os.environ.pop("TICKETLAKE_LOOKUP_TABLE", None)
    folder = options.folder.resolve()
    with moto() if options.dynamodb else nullcontext():
        text = measured(folder, *sizes, options.dynamodb)
    shutil.rmtree(folder)
    print(text)
    if sizes == usual:
        written_into(DOCUMENT, text, *MARKS[options.dynamodb])
        print(f"Written into {DOCUMENT.relative_to(PROJECT)}.", file=sys.stderr)


if __name__ == "__main__":
    main()
