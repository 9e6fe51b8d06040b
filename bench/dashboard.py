"""The dashboard at a size, and builds beside its readers: `python -m bench.dashboard --help`."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.browser import Page, chromium, served
from bench.lakes import Landings, fresh
from bench.measure import DBT

PROJECT = Path(__file__).resolve().parent.parent
PAGES = ("Efficiency", "Backlog", "Service levels", "Agents", "Satisfaction", "Calls", "Service", "Tickets")
CHOICES = (("Market", "DE"), ("Severity", "P2"), ("Category", "charging"), ("Source", "helpdesk"), ("Market", "JP"))
ALL_DAYS = "?period=All+days"
OPENED = 10  # times
PAUSE = 5.0  # seconds that a reader looks at a page
# Of views that readers ask for: one of each.
PERIODS = ("Last+28+days", "Last+90+days", "All+days", "This+month")
MARKETS = ("DE", "US", "UK", "AU", "JP", "AT")
DESCRIPTION = """\
Builds and publishes a lake of so many tickets, then measures in a browser how long the first page takes from the
address to the last chart, and from a filter to its numbers. Then builds a further day, alone and beside readers who
open another view of a page every five seconds, in pairs. Prints Markdown; the lake is kept for the next time.
"""


class Desk:
    """A lake before its further day; dbt and the publication as they are run by `make build`."""

    def __init__(self, folder: Path, tickets: int):
        self.lake = folder / f"dashboard-{tickets}"
        self.curated = self.lake / "curated"
        self._environment = os.environ | {
            "LAKE": str(self.lake),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
        }
        self._built, self._database = self.lake / "built.duckdb", self.lake / "ticketlake.duckdb"
        landings = Landings.generated(PROJECT, folder, tickets)
        *days, self._further_day = landings.days()
        self._landings = landings
        if not (self.curated / "manifest.json").exists():
            landings.land(fresh(self.lake), days)
            self._build()
            self._run("-m", "curated", "publish")
            shutil.copyfile(self._database, self._built)

    def further_day(self) -> float:
        """Seconds of the build of a further day, which is not published: readers go on with what they have."""
        for feed in (self.lake / "raw").iterdir():
            shutil.rmtree(feed / self._further_day, ignore_errors=True)
        self._database.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        shutil.copyfile(self._built, self._database)
        self._landings.land(self.lake, [self._further_day])
        return seconds(self._build)

    def _build(self) -> None:
        self._run("-c", DBT, "build")

    def _run(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, *arguments], cwd=PROJECT, env=self._environment, check=True, capture_output=True
        )


class Readers:
    """So many at once, each opening a view, looking, going on. Their browsers would be on machines of their own."""

    def __init__(self, address: str, count: int):
        self._address, self._count = address.replace("http", "ws") + "/_stcore/stream", count
        self._stop, self.answers = threading.Event(), []

    def __enter__(self) -> Readers:
        self._thread = threading.Thread(target=lambda: asyncio.run(self._all()))
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    async def _all(self) -> None:
        await asyncio.gather(*(self._one(random.Random(number)) for number in range(self._count)))

    async def _one(self, draw: random.Random) -> None:
        await asyncio.sleep(draw.uniform(0, PAUSE))
        while not self._stop.is_set():
            start = time.monotonic()
            await self._open(f"period={draw.choice(PERIODS)}&market={draw.choice(MARKETS)}")
            self.answers.append(time.monotonic() - start)
            await asyncio.sleep(PAUSE)

    async def _open(self, query: str) -> None:
        """A new session, until all that the page shows has been sent."""
        from streamlit.proto.BackMsg_pb2 import BackMsg
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
        from websockets.asyncio.client import connect

        async with connect(self._address, subprotocols=["streamlit"], max_size=None) as socket:
            asked = BackMsg()
            asked.rerun_script.query_string = query
            await socket.send(asked.SerializeToString())
            while True:
                said = ForwardMsg.FromString(await socket.recv())
                if said.WhichOneof("type") == "script_finished":
                    return


def drawn(page: Page, charts: int) -> None:
    """Waits for the numbers and for so many charts."""
    page.settle()
    page.tab.wait_for_function(
        "count => document.querySelectorAll('.js-plotly-plot .main-svg').length >= count", arg=charts
    )


def seconds(do: Callable[[], Any]) -> float:
    start = time.monotonic()
    do()
    return time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.dashboard", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tickets", type=int, default=1_000_000)
    parser.add_argument("--readers", type=int, default=10)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("BENCH") or PROJECT / "target" / "bench"))
    options = parser.parse_args()
    folder = options.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    desk = Desk(folder, options.tickets)
    print(f"| {options.tickets:,} tickets | median | worst |\n|---|---|---|")
    with served(desk.curated) as address:
        with chromium() as browser:
            looked_at(browser, address)
        if options.pairs:
            beside_readers(desk, address, options)


def said(what: str, times: list[float]) -> None:
    print(f"| {what} | {statistics.median(times):.2f} s | {max(times):.2f} s |", flush=True)


def looked_at(browser: Any, address: str) -> None:
    page = Page(browser, address)
    charts = 18  # of the first page's nine, two drawings each

    def opened(path: str = "") -> None:
        page.tab.goto(f"{address}/{path}")
        drawn(page, charts)

    said("the first page of the first reader of a version", [seconds(opened)])
    said("the first page, warm", [seconds(opened) for _ in range(OPENED)])
    opened(ALL_DAYS)
    said("the first page of all days, warm", [seconds(lambda: opened(ALL_DAYS)) for _ in range(OPENED)])

    def filtered(name: str, value: str) -> float:
        before = page.numbers()
        page.tab.get_by_role("combobox", name=name).focus()
        page.tab.keyboard.type(value)

        def answered() -> None:
            page.tab.keyboard.press("Enter")
            page.tab.wait_for_function(
                "before => document.querySelector('[data-testid=stMetricValue]').innerText !== before",
                arg=next(iter(before.values())),
            )
            drawn(page, charts)

        took = seconds(answered)
        page.tab.keyboard.press("Escape")
        return took

    for path, period in (("", "28 days"), (ALL_DAYS, "all days")):
        times = []
        for name, value in CHOICES:
            opened(path)
            times.append(filtered(name, value))
        said(f"a filter that nobody has asked for, {period}", times)
    opened()
    for title in PAGES:
        said(f"{title}, first time", [seconds(lambda title=title: page.turn_to(title))])
    said("the other pages, warm", [seconds(lambda title=title: page.turn_to(title)) for title in PAGES])
    page.close()


def beside_readers(desk: Desk, address: str, options: argparse.Namespace) -> None:
    alone, beside, answers = [], [], []
    for number in range(options.pairs):
        for with_readers in (True, False) if number % 2 else (False, True):
            if with_readers:
                with Readers(address, options.readers) as readers:
                    beside.append(desk.further_day())
                answers += readers.answers
            else:
                alone.append(desk.further_day())
    said("a further day's build, alone", alone)
    said(f"the same beside {options.readers} readers", beside)
    said(f"{len(answers)} views of theirs", answers)
    ratios = [one / other for one, other in zip(beside, alone, strict=True)]
    every = ", ".join(f"{one:.2f}" for one in ratios)
    print(f"\nBeside readers it took {statistics.median(ratios):.2f} times as long: {every}.")


if __name__ == "__main__":
    main()
