"""Readers beside builds and publications that are killed: `python -m bench.curated --help`."""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import duckdb

import curated
from bench.lakes import fresh
from bench.stand_in import aws_stand_in
from infra import aws

PROJECT = Path(__file__).resolve().parent.parent
PARTS = ("dbt_project.yml", "selectors.yml", "profiles.yml", "profiles", "models", "seeds", "macros", "tests/generic")
# In the copy of the project: a data test that fails when it is told to.
TEST = "select 1 as failed where '{{ env_var('TICKETLAKE_FAILS', 'no') }}' = 'yes'\n"
FATES = {"passes": 3, "fails a test": 2, "is killed": 3, "is killed while publishing": 3}
LONGEST_READ = 120  # seconds until a reader has read the last version
PAUSE = 0.3  # seconds between two readings of all tables, to leave the machine to the builds
DESCRIPTION = """\
Builds a small lake again and again, a further day each time, and publishes it. Some builds fail a test; some, and some
publications, are killed at a random moment. All the while a reader for each address reads every table of the version
that is published. Prints how often, and how often it read anything but one whole version that had passed its tests.
"""


class Lake:
    """A lake that lives through rounds, and what each build that passed all its tests had in its tables."""

    def __init__(self, folder: Path, addresses: list[str], seed: int):
        self._folder, self._addresses, self._draw = folder, addresses, random.Random(seed)
        self._project, self._lake = folder / "project", folder / "lake"
        for part in PARTS:
            copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copyfile
            (self._project / part).parent.mkdir(parents=True, exist_ok=True)
            copy(PROJECT / part, self._project / part)
        (self._project / "tests" / "assert_nothing_fails.sql").write_text(TEST, encoding="utf-8")
        self._environment = os.environ | {"LAKE": str(self._lake), "PYTHONPATH": str(PROJECT)}
        self._environment |= {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}
        self._seconds = {"build": 0.0, "publish": 0.0}
        self.passed: dict[str, dict[str, list]] = {}
        self.fates: Counter[str] = Counter()

    def generate(self, *arguments: str) -> None:
        command = (sys.executable, "-m", "generator", *arguments, "--output", str(self._lake / "raw"))
        subprocess.run(command, cwd=PROJECT, check=True, capture_output=True)

    def round(self, fate: str) -> None:
        self.fates[fate] += 1
        is_killed = fate == "is killed"
        fails = {"TICKETLAKE_FAILS": "yes" if fate == "fails a test" else "no"}
        self._run("build", ("-c", "from dbt.cli.main import cli; cli()", "build", "--quiet"), is_killed, fails)
        self._note_passed()
        for address in self._addresses:
            is_killed = fate == "is killed while publishing"
            self._run("publish", ("-m", "curated", "publish"), is_killed, {"TICKETLAKE_CURATED": address})

    def _run(self, step: str, arguments: tuple[str, ...], is_killed: bool, environment: dict[str, str]) -> None:
        start = time.monotonic()
        process = subprocess.Popen(
            (sys.executable, *arguments),
            cwd=self._project,
            env=self._environment | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(self._draw.uniform(0, self._seconds[step]) if is_killed else None)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if not is_killed:
            self._seconds[step] = time.monotonic() - start

    def _note_passed(self) -> None:
        """What is in the tables, if they are those of a build that passed."""
        database = self._lake / "ticketlake.duckdb"
        with duckdb.connect(str(database)) as connection:
            tables = connection.execute("select distinct build_id, public_table from passed_builds").fetchall()
            for build, table in tables:
                self.passed.setdefault(build, {})[table] = fingerprint(connection, table)


def fingerprint(connection: duckdb.DuckDBPyConnection, table: str) -> list:
    """How many rows a table has, and a checksum of them in any order, whether their moments have a zone or not."""
    columns = connection.execute(f"select column_name, column_type from (describe {table})").fetchall()
    values = ", ".join(f"epoch_us({name})" if kind.startswith("TIMESTAMP") else name for name, kind in columns)
    return [*connection.execute(f"select count(*), cast(sum(hash({values})) as varchar) from {table}").fetchone()]


def read_for_ever(address: str) -> None:
    """Prints, line by line, the build of each version read and what its tables hold; or what was wrong."""
    while True:
        try:
            found = curated.read(address)
            connection = found.connect()
            tables = {table: fingerprint(connection, table) for table in found.manifest.tables}
            print(json.dumps([found.manifest.build_id, found.version, tables, found.damaged()]), flush=True)
        except curated.NotPublished:
            pass
        except Exception as error:
            print(json.dumps([None, 0, {}, [f"{type(error).__name__}: {error}"]]), flush=True)
        time.sleep(PAUSE)


def soak(folder: Path, fates: list[str], tickets: int, addresses: list[str], seed: int) -> tuple[str, list[str]]:
    """What was done and read, in words, and what was wrong with it. The first fate tells how long each step takes."""
    lake = Lake(folder, addresses, seed)
    lake.generate("generate", "--count", str(tickets), "--end", "2026-01-20")
    logs = [folder / f"reader_{number}" for number in range(len(addresses))]
    readers = [
        subprocess.Popen(
            (sys.executable, "-m", "bench.curated", "--read", address),
            cwd=PROJECT,
            stdout=log.open("wb"),
        )
        for address, log in zip(addresses, logs, strict=True)
    ]
    try:
        for fate in fates:
            lake.round(fate)
            lake.generate("simulate", "--days", "1")
        for address, log in zip(addresses, logs, strict=True):
            latest, until = curated.read(address).version, time.monotonic() + LONGEST_READ
            while time.monotonic() < until and latest not in {version for _, version, *_ in _reads(log)}:
                time.sleep(PAUSE)
    finally:
        for reader in readers:
            reader.terminate()
            reader.wait()
    texts, wrong = [", ".join(f"{count} builds: {fate}" for fate, count in lake.fates.items())], []
    for address, log in zip(addresses, logs, strict=True):
        reads = _reads(log)
        versions = [version for _, version, _, _ in reads]
        for build, version, tables, damaged in reads:
            if damaged or tables != lake.passed.get(build):
                wrong.append(f"{address} version {version} of build {build}: {damaged or 'not what passed its tests'}")
        if versions != sorted(versions):
            wrong.append(f"{address}: an older version was read after a newer one")
        texts.append(f"{address}: {len(reads)} times all tables read, {len(set(versions))} versions")
    return "\n".join([*texts, f"{len(wrong)} reads of anything but one whole version that had passed its tests"]), wrong


def _reads(log: Path) -> list:
    """What a reader has printed, but for a line that it is printing."""
    return [json.loads(line) for line in log.read_text(encoding="utf-8").split("\n")[:-1]]


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.curated", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--tickets", type=int, default=100, help="of the lake at the start (default: 100)")
    parser.add_argument("--seed", type=int, default=1, help="of what happens in each round")
    parser.add_argument("--folder", type=Path, default=PROJECT / "target" / "bench_curated", help="to work in")
    parser.add_argument("--read", metavar="ADDRESS", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read_for_ever(options.read)
    folder = fresh(options.folder.resolve())
    with aws_stand_in() as environment:
        environment |= {"TICKETLAKE_CACHE": str(folder / "cache")}
        os.environ.update(environment)
        aws.client("s3").create_bucket(
            Bucket="curated", CreateBucketConfiguration={"LocationConstraint": environment["AWS_REGION"]}
        )
        addresses = [str(folder / "lake" / "curated"), "s3://curated/zone"]
        draw = random.Random(options.seed)
        fates = ["passes", *draw.choices([*FATES], [*FATES.values()], k=options.rounds - 2), "passes"]
        text, wrong = soak(folder, fates, options.tickets, addresses, options.seed)
    print(text)
    print("\n".join(wrong[:20]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
