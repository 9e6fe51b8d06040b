"""Runs builds and the floor as processes of their own, and measures them."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from bench.lakes import OTHER_FEEDS, fresh

# What is built of the feeds besides that of tickets, and upon it.
FEED_MODELS = [f"stg_{feed}__lines+" for feed in OTHER_FEEDS]
# Unit tests look at no data; a selection of one's own takes them in.
WITHOUT_TESTS = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
DBT = "import sys; from dbt.cli.main import cli; sys.exit(cli())"


class Bench:
    """A folder to build lakes in. dbt always sees the same path as LAKE, since it parses all anew when that changes."""

    def __init__(self, project, folder):
        self._project, self._folder = project, fresh(folder)
        self._lake = folder / "lake"
        self._environment = os.environ | {
            "LAKE": str(self._lake),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_USE_COLORS": "false",
            "TICKETLAKE_MEMORY": os.environ.get("TICKETLAKE_MEMORY", "3GB"),
        }

    def machine(self):
        """What the seconds are seconds of."""
        return {
            "cores": os.cpu_count(),
            "processor": processor(),
            "load": os.getloadavg()[0],
            "memory limit": self._environment["TICKETLAKE_MEMORY"],
            "python": platform.python_version(),
            **{package: version(package) for package in ("dbt-core", "dbt-duckdb", "duckdb")},
        }

    def parse(self):
        """dbt reads the whole project, which all that follows is spared."""
        fresh(self._lake)
        return self._run("dbt parse", *_dbt("parse", "--no-partial-parse"))

    def round(self, landings, backwards):
        """The floor, a build without tests and one with, each with a further day on top; in this order or the other."""
        parts = [self._floor, self._without_tests, self._with_tests]
        found = {}
        for part in reversed(parts) if backwards else parts:
            found |= part(landings)
            self._compare()
        return found

    def feeds(self, landings, repeats):
        """The models of the feeds besides that of tickets, by the floor and by a build without tests, in turn.

        Those of tickets are there before, on both sides.
        """
        fresh(self._lake)
        landings.land(self._lake, landings.days()[:-1])
        built, floor = self._lake / "ticketlake.duckdb", self._database("floor")
        self._build("tickets before", (*WITHOUT_TESTS, "--exclude", *FEED_MODELS))
        built.rename(self._database("built tickets"))
        self._run("floor's tickets before", *_floor(self._lake, floor, "tickets"))
        floor.rename(self._database("floor's tickets"))

        def by_floor():
            _copy(self._database("floor's tickets"), floor)
            return {"floor": self._floor_run(floor, "feeds")}

        def by_build():
            _copy(self._database("built tickets"), built)
            found = self._build("build of feeds", (*WITHOUT_TESTS, "--select", *FEED_MODELS))
            _copy(built, self._database("project"))
            return {"build": found}

        rounds = []
        for number in range(repeats):
            rounds.append({})
            for part in (by_build, by_floor) if number % 2 else (by_floor, by_build):
                rounds[-1] |= part()
            self._compare()
        return rounds

    def _floor(self, landings):
        fresh(self._lake)
        landings.land(self._lake, landings.days()[:-1])
        database = self._database("floor")
        return {"floor": self._floor_run(database)}

    def _floor_run(self, database, *parts):
        measured = self._run(" ".join(("floor", *parts)), *_floor(self._lake, database, *parts))
        steps = json.loads(measured.pop("output"))
        return measured | {"steps": steps, "database": database.stat().st_size}

    def _without_tests(self, landings):
        return self._builds(landings, "without tests", WITHOUT_TESTS)

    def _with_tests(self, landings):
        return self._builds(landings, "with tests", ())

    def _builds(self, landings, name, arguments):
        fresh(self._lake)
        *days, further_day = landings.days()
        landings.land(self._lake, days)
        full = self._build(f"build {name}", arguments)
        if name == "without tests":
            # Kept for the comparison; the further day goes on on a copy.
            _copy(self._lake / "ticketlake.duckdb", self._database("project"))
        landings.land(self._lake, [further_day])
        return {f"build {name}": full, f"day {name}": self._build(f"further day {name}", arguments)}

    def _build(self, name, arguments):
        measured = self._run(name, *_dbt("build", *arguments))
        del measured["output"]
        nodes = json.loads((self._folder / "target" / "run_results.json").read_bytes())["results"]
        spans = [
            (_seconds(node["timing"][0]["started_at"]), _seconds(node["timing"][-1]["completed_at"]))
            for node in nodes
            if node["timing"]
        ]
        measured["database"] = (self._lake / "ticketlake.duckdb").stat().st_size
        measured["busy"] = _length_of_union(spans)
        measured["nodes"] = [(node["unique_id"], node["execution_time"]) for node in nodes]
        return measured

    def _compare(self):
        """Once both are there, the floor's rows must be the project's."""
        databases = self._database("floor"), self._database("project")
        if all(database.exists() for database in databases):
            self._run("comparison", sys.executable, "-m", "bench.compare", *map(str, databases))
            for database in databases:
                database.unlink()

    def _database(self, name):
        return self._folder / f"{name}.duckdb"

    def _run(self, name, *command):
        """Time, processor time and peak memory of a process and of those that it starts and waits for."""
        output = self._folder / "output"
        with output.open("wb") as sink:
            start = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=self._project, env=self._environment, stdout=sink, stderr=subprocess.STDOUT
            )
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        text = output.read_text(encoding="utf-8", errors="replace")
        if process.returncode != 0:
            sys.exit(f"{text[-5000:]}\nThe {name} failed, see above; nothing was written. Its lake is {self._lake}.")
        print(f"{name:28} {wall:7.1f} s", file=sys.stderr)
        kilobytes = usage.ru_maxrss if sys.platform != "darwin" else usage.ru_maxrss // 1024
        return {"wall": wall, "cpu": usage.ru_utime + usage.ru_stime, "memory": kilobytes * 1024, "output": text}


def _dbt(*arguments):
    return sys.executable, "-c", DBT, *arguments


def _floor(*arguments):
    return sys.executable, "-m", "bench.floor", *arguments


def _copy(database, target):
    subprocess.run(["cp", database, target], check=True)


def _seconds(moment):
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()


def _length_of_union(spans):
    """How long at least one of the spans was going on."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def processor():
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
