"""The command line: `python -m bench`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from bench.lakes import OTHER_FEEDS, Landings
from bench.measure import Bench
from bench.report import FEEDS_MARKS, report, report_feeds, written_into

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "performance.md"
SIZES = (10_000, 100_000, 1_000_000)
REPEATS = {10_000: 3, 100_000: 2}
LINES, LINES_REPEATS = 1_000_000, 5

DESCRIPTION = """\
Measures, in one run on generated lakes of several sizes: dbt build with and without the project's tests, one further
day on top of each, and the floor, hand-written SQL that computes the same rows. All rows are compared; a
difference ends the run. Then the same of support logs, calls and service records alone, a million lines of each.
Prints the tables of docs/performance.md and, if they were measured at their usual sizes, writes them there.
"""


def main():
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", metavar="TICKETS", type=int, nargs="*", help=f"sizes of lakes (default: {SIZES})")
    parser.add_argument(
        "--lines",
        type=int,
        help=f"of each feed besides tickets (default: {LINES:,}, or none if TICKETS are named); alone, no TICKETS",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        help=f"of each size (default: 3 of 10,000 tickets, 2 of 100,000, else 1; {LINES_REPEATS} of LINES)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(os.environ.get("BENCH") or PROJECT / "target" / "bench"),
        help="for landings, which are kept, and databases, which are not (default: $BENCH or target/bench)",
    )
    options = parser.parse_args()
    sizes, lines = tuple(options.sizes), options.lines
    if not sizes and not lines:
        sizes, lines = SIZES, LINES
    if min(sizes, default=1) < 1 or (lines or 1) < 1 or (options.repeats or 1) < 1:
        parser.error("TICKETS, --lines and --repeats must be 1 or more")

    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(PROJECT, folder / "work")
    results = {"machine": bench.machine(), "parse": bench.parse(), "sizes": []}
    for size in sizes:
        landings = Landings.generated(PROJECT, folder, size)
        repeats = options.repeats or REPEATS.get(size, 1)
        rounds = [bench.round(landings, backwards=number % 2 == 1) for number in range(repeats)]
        results["sizes"].append({"tickets": size, "lines": landings.lines(), "rounds": rounds})
        _keep(folder, results)
    if lines:
        landings = Landings.multiplied(PROJECT, folder, lines)
        results["feeds"] = {
            "lines": {feed: landings.lines(feed) for feed in OTHER_FEEDS},
            "rounds": bench.feeds(landings, options.repeats or LINES_REPEATS),
        }
        _keep(folder, results)
    shutil.rmtree(folder / "work")
    if sizes:
        _show(report(results), is_usual=set(sizes) >= set(SIZES))
    if lines:
        _show(report_feeds(results), lines == LINES, *FEEDS_MARKS)


def _keep(folder, results):
    (folder / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")


def _show(text, is_usual, *marks):
    print(text)
    if is_usual:
        written_into(DOCUMENT, text, *marks)
        print(f"Written into {DOCUMENT.relative_to(PROJECT)}.", file=sys.stderr)


main()
