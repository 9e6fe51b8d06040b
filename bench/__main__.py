"""The command line: `python -m bench`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path

from bench.lakes import Landings
from bench.measure import Bench
from bench.report import report, written_into

PROJECT = Path(__file__).resolve().parent.parent
DOCUMENT = PROJECT / "docs" / "performance.md"
SIZES = (10_000, 100_000, 1_000_000)
REPEATS = {10_000: 3, 100_000: 2}

DESCRIPTION = """\
Measures, in one run on generated lakes of several sizes: dbt build with and without the project's tests, one further
day on top of each, and the floor, one hand-written script that computes the same rows. All rows are compared; a
difference ends the run. Prints the tables of docs/performance.md and, if all sizes were measured, writes them there.
"""


def main():
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sizes", metavar="TICKETS", type=int, nargs="*", help=f"sizes of lakes (default: {SIZES})")
    parser.add_argument("--repeats", type=int, help="of each size (default: 3 of 10,000 tickets, 2 of 100,000, else 1)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(os.environ.get("BENCH") or PROJECT / "target" / "bench"),
        help="for landings, which are kept, and databases, which are not (default: $BENCH or target/bench)",
    )
    options = parser.parse_args()
    sizes = tuple(options.sizes) or SIZES
    if min(sizes) < 1 or (options.repeats or 1) < 1:
        parser.error("TICKETS and --repeats must be 1 or more")

    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(PROJECT, folder / "work")
    results = {"machine": bench.machine(), "parse": bench.parse(), "sizes": []}
    for size in sizes:
        landings = Landings.generated(PROJECT, folder, size)
        repeats = options.repeats or REPEATS.get(size, 1)
        rounds = [bench.round(landings, backwards=number % 2 == 1) for number in range(repeats)]
        results["sizes"].append({"tickets": size, "lines": landings.lines(), "rounds": rounds})
        (folder / "results.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
    shutil.rmtree(folder / "work")
    text = report(results)
    print(text)
    if set(sizes) >= set(SIZES):
        written_into(DOCUMENT, text)
        print(f"Written into {DOCUMENT.relative_to(PROJECT)}.", file=sys.stderr)


main()
