"""Temporary lakes: land files, build them with dbt as a user would, read the public tables."""

import csv
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

PROJECT = Path(__file__).resolve().parents[2]
WITHOUT_TESTS = ("--exclude-resource-type", "unit_test", "--exclude-resource-type", "test")


@dataclass(frozen=True)
class Outcome:
    """How a dbt command ended, and all that it printed."""

    exit_code: int
    output: str


class Lake:
    """A folder with a raw zone and, once built, a database."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.raw = self.folder / "raw"
        self.raw.mkdir(parents=True)

    def land(self, files, feed="ticket_updates"):
        """Writes files: bytes by path below raw/<feed>."""
        for path, content in files.items():
            file = self.raw / feed / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def connect(self):
        """The database, for reading."""
        return duckdb.connect(str(self.folder / "ticketlake.duckdb"), read_only=True)

    def query(self, sql):
        with self.connect() as database:
            return database.execute(sql).fetchall()

    def execute(self, sql):
        with duckdb.connect(str(self.folder / "ticketlake.duckdb")) as database:
            database.execute(sql)

    def read(self, tables):
        """The rows of each table, sorted, its columns and their types first."""
        with self.connect() as database:
            return {
                table: [
                    tuple((name, of_type) for name, of_type, *_ in database.execute(f"describe {table}").fetchall()),
                    *sorted(database.execute(f"from {table}").fetchall(), key=exact_part_first),
                ]
                for table in tables
            }


class Dbt:
    """Runs dbt on a project folder, each command in a process of its own (dbt_forks.py)."""

    adapter = "duckdb"

    def __init__(self, home, project=PROJECT):
        self.home = Path(home)
        self.home.mkdir(exist_ok=True)
        # The project is parsed anew whenever LAKE changes: so it is always this link, to the lake of the hour.
        self.link = self.home / "lake"
        self.log = self.home / "output"
        self.manifest = self.home / "target" / "manifest.json"
        self.environment = {
            "LAKE": str(self.link),
            "DBT_TARGET_PATH": str(self.home / "target"),
            "DBT_LOG_PATH": str(self.home / "logs"),
            "DBT_LOG_LEVEL_FILE": "none",  # which spares a tenth of the time
            "DBT_USE_COLORS": "false",
        }
        self.forker = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("dbt_forks.py"), self.adapter],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=project,
        )

    def start(self, lake, *arguments):
        """Starts a command; `finish` must follow. Returns its process group, for whoever wants to kill it."""
        self.point_at(lake)
        request = {"arguments": arguments, "environment": self.environment, "log": str(self.log)}
        print(json.dumps(request), file=self.forker.stdin, flush=True)
        return int(self.forker.stdout.readline())

    def point_at(self, lake):
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(lake.folder)

    def finish(self):
        return Outcome(int(self.forker.stdout.readline()), self.log.read_text(encoding="utf-8", errors="replace"))

    def run(self, lake, *arguments):
        self.start(lake, *arguments)
        return self.finish()

    def build(self, lake, *arguments):
        """`dbt build` without the project's tests, which must succeed."""
        outcome = self._build(lake, *arguments)
        assert outcome.exit_code == 0, outcome.output
        return outcome

    def refused(self, lake, *arguments):
        """What `dbt build` prints when it fails, as it must here, in one line."""
        outcome = self._build(lake, *arguments)
        assert outcome.exit_code == 1, outcome.output
        return " ".join(outcome.output.split())

    def start_build(self, lake, *arguments):
        """Starts `dbt build` without the project's tests; `finish` must follow. Returns its process group."""
        # To write the manifest again takes a tenth of the build of a small lake; and of one that is killed it is torn.
        written = ("--no-write-json",) if self.manifest.exists() else ()
        return self.start(lake, "build", *WITHOUT_TESTS, *written, *arguments)

    def _build(self, lake, *arguments):
        self.start_build(lake, *arguments)
        return self.finish()

    def read(self, lake):
        """The rows of every public table."""
        return lake.read(self.public_tables())

    def public_tables(self):
        manifest = json.loads(self.manifest.read_bytes())
        return [node["alias"] for node in manifest["nodes"].values() if node.get("access") == "public"]

    def close(self):
        self.forker.stdin.close()
        self.forker.wait()


def full_refresh(dbt, folder, contents):
    """Every public table of a fresh lake with these files."""
    lake = Lake(folder)
    lake.land(contents)
    dbt.build(lake, "--full-refresh")
    return dbt.read(lake)


def seed_rows(name, folder=PROJECT / "seeds"):
    """The rows of a seed, as dicts of texts."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def exact_part_first(row):
    """What rows are sorted by: decimals only after all else, since their last digits depend on the order of a sum."""
    decimals = [isinstance(value, float) for value in row]
    return (
        [repr(sorted(value) if isinstance(value, dict) else value) for value in row if not isinstance(value, float)],
        [round(value, 6) for value, is_decimal in zip(row, decimals, strict=True) if is_decimal],
    )


def same(one, other):
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9)
    return one == other


def differences(tables, expected):
    """The first rows of each table that are not as expected, one a line; empty if there are none."""
    found = []
    for table in sorted(expected.keys() | tables.keys()):
        rows, expected_rows = tables.get(table, []), expected.get(table, [])
        if len(rows) == len(expected_rows) and all(
            len(row) == len(wanted) and all(map(same, row, wanted))
            for row, wanted in zip(rows, expected_rows, strict=True)
        ):
            continue
        shown, expected_shown = set(map(repr, rows)), set(map(repr, expected_rows))
        found += [f"{table} has      {row}" for row in sorted(shown - expected_shown)[:5]]
        found += [f"{table} lacks    {row}" for row in sorted(expected_shown - shown)[:5]]
        found += [f"{table} has {len(rows) - 1} rows, not {len(expected_rows) - 1}"]
    return "\n".join(found)
