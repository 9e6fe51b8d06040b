"""What a day's run scans on Athena, by the length of the history: `python -m bench.athena --help`."""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from bench.lakes import FEED, fresh
from infra.local import LocalAthena

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "athena.md"
BEGIN, END = "<!-- measured by make bench-athena: begin -->", "<!-- measured by make bench-athena: end -->"
HISTORIES = (30, 90, 300)
PER_DAY = 100
# Amazon Athena's price of SQL queries in most regions; each query counts for at least 10 MB.
DOLLARS_PER_TB, LEAST_BYTES = 5, 10 * 10**6

DESCRIPTION = """\
Builds lakes of 30, 90 and 300 days on the local stand-in for Athena, then one further day on each, and prints what
that day's `dbt build` scans. Writes the table into docs/athena.md if all histories were measured at the usual size.
"""


class AthenaBench:
    def __init__(self, local, folder):
        self.local, self.folder = local, folder
        self.environment = (
            os.environ
            | local.environment
            | {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}
        )

    def measure(self, days, per_day):
        """Bytes and queries of a full build of so many days, and of the further day."""
        raw = fresh(self.folder / f"raw-{days}")
        self._run(
            sys.executable,
            "-m",
            "generator",
            "generate",
            "--per-day",
            str(per_day),
            "--end",
            _day(days),
            "--output",
            str(raw),
        )
        lines = sum(file.read_bytes().count(b"\n") for file in raw.glob(f"{FEED}/*/*"))
        self.environment["TICKETLAKE_SCHEMA"] = f"after_{days}_days"
        self._clear()
        self._land(raw)
        full = self._build()
        self._run(sys.executable, "-m", "generator", "simulate", "--days", "1", "--output", str(raw))
        self._land(raw)
        return {"days": days, "lines": lines, "full": full, "day": self._build()}

    def _build(self):
        before = set(self.local.athena.queries)
        self._run("dbt", "build", "--target", "athena", "--no-use-colors")
        queries = [query for id, query in self.local.athena.queries.items() if id not in before]
        by_node = Counter()
        for query in queries:
            by_node[_node(query.statement)] += query.bytes_scanned
        return {
            "queries": len(queries),
            "bytes": sum(query.bytes_scanned for query in queries),
            "billed": sum(max(query.bytes_scanned, LEAST_BYTES) for query in queries if query.type == "DML"),
            "by_node": dict(by_node.most_common()),
            "statements": sorted(((q.bytes_scanned, q.statement) for q in queries), reverse=True)[:60],
        }

    def _clear(self):
        bucket = self.local.client("s3")
        for page in bucket.get_paginator("list_objects_v2").paginate(Bucket="ticketlake", Prefix="raw/"):
            for item in page.get("Contents", []):
                bucket.delete_object(Bucket="ticketlake", Key=item["Key"])

    def _land(self, raw):
        bucket = self.local.client("s3")
        for file in sorted(raw.glob(f"{FEED}/*/*.jsonl")):
            bucket.put_object(Bucket="ticketlake", Key=f"raw/{file.relative_to(raw)}", Body=file.read_bytes())

    def _run(self, *command):
        done = subprocess.run(command, cwd=PROJECT, env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-5000:]}{done.stderr[-5000:]}")


def _day(number):
    import datetime

    return str(datetime.date(2026, 1, 1) + datetime.timedelta(days=number - 1))


def _node(statement):
    """The model or test that dbt names in its comment on a statement."""
    found = re.search(r'"node_id": "([^"]+)"', statement)
    return found[1] if found else "dbt itself"


def main():
    parser = argparse.ArgumentParser(prog="python -m bench.athena", description=DESCRIPTION)
    parser.add_argument("days", type=int, nargs="*", default=HISTORIES)
    parser.add_argument("--per-day", type=int, default=PER_DAY)
    parser.add_argument("--folder", type=Path, default=PROJECT / "target" / "bench_athena")
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    with LocalAthena() as local:
        local.client("glue").create_database(DatabaseInput={"Name": "raw"})
        bench = AthenaBench(local, folder)
        for days in options.days:
            found.append(bench.measure(days, options.per_day))
            (folder / "results.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
            print(
                {
                    k: (
                        v
                        if not isinstance(v, dict)
                        else {a: b for a, b in v.items() if a not in ("statements", "by_node")}
                    )
                    for k, v in found[-1].items()
                }
            )


if __name__ == "__main__":
    main()
