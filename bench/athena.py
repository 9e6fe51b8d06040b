"""What a day's run scans on Athena, by the length of the history: `python -m bench.athena --help`."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

from bench.lakes import FEED, OTHER_FEEDS, fresh
from bench.report import table, written_into
from infra.local import LocalAthena

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "athena.md"
MARKS = ("<!-- bench-athena -->", "<!-- end of bench-athena -->")
FIRST_DAY = date(2026, 1, 1)
HISTORIES = (30, 90, 300)
PER_DAY = 100
FEEDS = (FEED, *OTHER_FEEDS)
SHOWN_NODES = 12
# Athena's price of SQL in most regions; each query that reads data counts for 10 MB at least.
DOLLARS_A_BYTE, LEAST_BYTES = 5 / 10**12, 10 * 10**6

DESCRIPTION = """\
Builds lakes of 30, 90 and 300 days of history on the local stand-in for Athena, lands one further day on each, and
prints what that day's `dbt build` scans, its tests included. Writes the table into docs/athena.md if all histories
were measured at the usual size, with tickets alone.
"""


def measured(days, per_day, feeds, folder):
    """Queries and bytes of a full build of so many days, and of the further day, on a stand-in of their own."""
    generated, raw = fresh(folder / "generated"), fresh(folder / "landings")
    generator = (sys.executable, "-m", "generator")
    last_day = FIRST_DAY + timedelta(days - 1)
    with LocalAthena() as local:
        environment = os.environ | local.environment
        environment |= {"DBT_TARGET_PATH": str(folder / "target"), "DBT_LOG_PATH": str(folder / "logs")}

        def build():
            for feed in feeds:
                shutil.copytree(generated / feed, raw / feed, dirs_exist_ok=True)
            before = set(local.athena.queries)
            _run(environment, sys.executable, "-m", "infra.upload", raw)
            _run(environment, "dbt", "build", "--target", "athena", "--no-use-colors")
            return _costs([query for key, query in local.athena.queries.items() if key not in before])

        span = ("--start", FIRST_DAY, "--end", last_day)
        _run(environment, *generator, "generate", "--per-day", per_day, *span, "--output", generated)
        full = build()
        found = {"days": days, "lines": _line_count(raw), "full": full}
        _run(environment, *generator, "simulate", "--days", 1, "--output", generated)
        day = build()
        return found | {"new_lines": _line_count(raw) - found["lines"], "day": day}


def _costs(queries):
    by_node = Counter()
    for query in queries:
        by_node[_node(query.statement)] += query.bytes_scanned
    return {
        "queries": len(queries),
        "bytes": sum(query.bytes_scanned for query in queries),
        "charged": sum(max(query.bytes_scanned, LEAST_BYTES) for query in queries if query.type == "DML"),
        "by_node": dict(by_node.most_common()),
    }


def _node(statement):
    """The model or test that dbt names in its comment on a statement."""
    found = re.search(r'"node_id": "\w+\.\w+\.(\w+)', statement)
    return found[1] if found else "dbt itself"


def _line_count(raw):
    return sum(file.read_bytes().count(b"\n") for file in raw.glob("*/*/*"))


def _run(environment, *command):
    done = subprocess.run([*map(str, command)], cwd=PROJECT, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def report(found):
    """Markdown of what was measured."""
    least = found[0]["day"]["bytes"]
    rows = [
        [
            f"{one['days']}",
            *(f"{one[key]:,}" for key in ("lines", "new_lines")),
            one["day"]["queries"],
            f"{one['day']['bytes'] / 1e6:.1f}",
            f"{one['day']['bytes'] / least:.2f}",
            f"{one['day']['charged'] / 1e6:,.0f}",
            f"{one['day']['charged'] * DOLLARS_A_BYTE:.3f}",
            f"{one['full']['bytes'] / 1e6:.0f}",
        ]
        for one in found
    ]
    heads = ["days of history", "lines", "lines of the day", "queries", "MB scanned", f"÷ {found[0]['days']} days"]
    shown = list(found[-1]["day"]["by_node"])[:SHOWN_NODES]
    by_node = [[f"`{name}`", *(f"{one['day']['by_node'].get(name, 0) / 1e6:.2f}" for one in found)] for name in shown]
    rest = [sum(size for name, size in one["day"]["by_node"].items() if name not in shown) for one in found]
    return "\n\n".join(
        (
            table([*heads, "MB charged", "dollars", "full build: MB scanned"], rows),
            table(
                ["MB scanned by", *(f"after {one['days']} days" for one in found)],
                [*by_node, ["all else", *(f"{size / 1e6:.2f}" for size in rest)]],
            ),
        )
    )


def main():
    parser = argparse.ArgumentParser(
        prog="python -m bench.athena", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("days", type=int, nargs="*", default=HISTORIES, help=f"of history (default: {HISTORIES})")
    parser.add_argument(
        "--feeds", nargs="+", choices=FEEDS, default=FEEDS[:1], help="that land (default: tickets alone)"
    )
    parser.add_argument("--per-day", type=int, default=PER_DAY, help=f"tickets opened a day (default: {PER_DAY})")
    parser.add_argument(
        "--folder", type=Path, default=PROJECT / "target" / "bench_athena", help="to work in (target/bench_athena)"
    )
    options = parser.parse_args()
    folder = fresh(options.folder.resolve())
    found = []
    for days in options.days:
        found.append(measured(days, options.per_day, options.feeds, folder))
        (folder / "results.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    text = report(found)
    print(text)
    if tuple(options.days) == HISTORIES and options.per_day == PER_DAY and tuple(options.feeds) == FEEDS[:1]:
        written_into(DOCUMENT, text, *MARKS)
        print(f"Written into {DOCUMENT.relative_to(PROJECT)}.", file=sys.stderr)


if __name__ == "__main__":
    main()
