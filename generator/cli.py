"""The command line: `python -m generator generate` and `python -m generator simulate`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

from generator.calendars import day_number
from generator.calls import Calls
from generator.errors import GeneratorError
from generator.lake import PARAMETERS, Lake, Parameters
from generator.landing import land
from generator.mishaps import LONGEST_DELAY, Shares
from generator.seeds import PROJECT_SEEDS, borrowed, read_rows
from generator.service_records import ServiceRecords
from generator.support_logs import SupportLogs
from generator.ticket_lives import TicketLives
from generator.ticket_updates import TicketUpdates
from generator.world import World

FEEDS = (TicketUpdates, SupportLogs, Calls, ServiceRecords)
WINDOW = max(feed.window for feed in FEEDS)
COUNT, START, END, DAYS = 5000, date(2026, 1, 1), date(2026, 10, 27), 1
EARLIEST, LATEST = date(1970, 1, 2), date(2100, 12, 31)

DESCRIPTION = """\
Makes up support tickets and what there is around them, and lands it in a raw zone, as systems of record would: one
file of JSON lines a day and feed, <output>/<feed>/dt=YYYY-MM-DD/<feed>.jsonl, empty if nothing happened. The same
seed gives the same bytes, on any machine. The feeds:

  ticket_updates   the state of a ticket after each change
  support_logs     what the systems behind a ticket reported; errors come in bursts where a ticket takes too long
  calls            telephone calls about tickets
  service_records  work done on the vehicles of tickets
"""
GENERATE = """\
Lands all feeds on every day from --start to --end.

A run that was stopped goes on where it was if it is started again with the same arguments: days that have landed
stay, those that are missing are added. Onto landings that were made otherwise it refuses to write.
What it was made with, seeds included, is kept in <output>/_generator.json; `simulate` goes on from there.
"""
GENERATE_EXAMPLES = """\
examples:
  python -m generator generate
      5000 tickets over 300 days, in $LAKE/raw
  python -m generator generate --count 1000000 --seed 7 --output /data/lake/raw
      a million tickets
  python -m generator generate --per-day 40 --start 2026-03-01 --end 2026-03-31 --output spring/raw
      about 40 tickets a day; with a later --end the same command adds the days that follow
  python -m generator generate --late 0 --duplicates 0 --dirty 0 --output clean/raw
      every line in time, once, and valid
"""
SIMULATE = """\
Lands the days that follow those which `generate` has landed, with the same seed, rate, shares and seeds. The bytes
are those that `generate` would have landed with a later --end and the same --per-day. A day that has landed already
is left as it is; one that has landed in some feeds only is completed.
"""
SIMULATE_EXAMPLES = """\
examples:
  python -m generator simulate
      the next day
  python -m generator simulate --days 7
      the next seven days
  python -m generator simulate --date 2026-11-02 --output /data/lake/raw
      2 November, and the days between the last one that has landed and it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; returns its exit status: 0, 1 for what the caller can mend, 130 if interrupted.

    Wrong usage ends in SystemExit with status 2, as argparse does it.
    """
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except GeneratorError as error:
        return _complain(1, f"error: {error}")
    except KeyboardInterrupt:
        return _complain(130, "interrupted; the days that have landed are whole, the same command goes on from there")
    return 0


def generate(options: argparse.Namespace) -> None:
    start, end = options.start, options.end
    if end < start:
        raise GeneratorError(f"--end {end} is before --start {start}; give an end on or after the start")
    lake = _lake(options.output)
    if options.if_empty and not lake.is_empty() and not _is_continued(lake, options):
        print(f"{lake.output} has landings already; they are left as they are")
        return
    made_with = lake.parameters()
    if made_with is None and not lake.is_empty():
        raise GeneratorError(
            f"--output {lake.output} holds landings that the generator did not make; name an empty or new folder"
        )
    world, parameters = _wanted(options)
    landed = _landed(lake)
    if any(landed.values()) and made_with != parameters:
        raise GeneratorError(_difference(lake, made_with, parameters))
    lake.save(parameters)
    if "agents" not in parameters.seeds:
        _complain(0, f"{options.seeds} has no agents.csv; {len(world.seeds.agents)} agents are invented")
    for name in borrowed(options.seeds):
        _complain(0, f"{options.seeds} has no {name}.csv; the project's is used")
    days = _days(start, end)
    whole = _whole(landed).intersection(days)
    _land(world, parameters, lake, days)
    if whole:
        print(f"{len(whole)} of {len(days)} days had already landed and are left as they are")
    print(
        f"{world.opened(parameters.per_day)} tickets opened from {start} to {end}, at --per-day {parameters.per_day!r}"
    )


def simulate(options: argparse.Namespace) -> None:
    lake = _lake(options.output)
    parameters = lake.parameters()
    if parameters is None:
        raise GeneratorError(
            f"--output {lake.output} has no {PARAMETERS}, so the generator did not make it; "
            "name the output of `python -m generator generate`, or run that first"
        )
    if options.seeds and read_rows(options.seeds) != parameters.seeds:
        raise GeneratorError(
            f"--seeds {options.seeds} are not those that {lake.output} was generated with; "
            "leave --seeds out to go on with those"
        )
    landed = _landed(lake)
    begun, whole = set.union(*landed.values()), _whole(landed)
    if begun == whole and options.date in whole:
        print(f"{options.date} has already landed; nothing changed")
        return
    if options.date and options.date < parameters.start:
        raise GeneratorError(f"--date {options.date} is before the lake's first day; give {parameters.start} or later")
    following = max(begun) + timedelta(days=1) if begun else parameters.start
    last = options.date or following + timedelta(days=(options.days or DAYS) - 1)
    if last > LATEST:
        raise GeneratorError(f"--days {options.days} goes beyond {LATEST}; give fewer")
    days = sorted((begun - whole).union(_days(min(following, last), last)))
    lake.save(parameters)
    _land(World(parameters.seeds, parameters.start, days[-1], WINDOW), parameters, lake, days)


def _wanted(options: argparse.Namespace) -> tuple[World, Parameters]:
    """What the options of `generate` ask for."""
    rows = read_rows(options.seeds)
    world = World(rows, options.start, options.end, WINDOW)
    per_day = options.per_day or world.per_day(options.count or COUNT)
    shares = Shares(late=options.late, duplicates=options.duplicates, dirty=options.dirty)
    return world, Parameters(options.seed, options.start, per_day, shares, rows)


def _is_continued(lake: Lake, options: argparse.Namespace) -> bool:
    """Whether `generate` with these options began the lake."""
    try:
        return lake.parameters() == _wanted(options)[1]
    except GeneratorError:
        return False


def _landed(lake: Lake) -> dict[str, set[date]]:
    """The days of each feed that have landed."""
    return {feed.name: set(lake.landed(feed.name)) for feed in FEEDS}


def _whole(landed: dict[str, set[date]]) -> set[date]:
    """The days that have landed in every feed: others did in some, since a run was stopped, or there were fewer."""
    return set.intersection(*landed.values())


def _land(world: World, parameters: Parameters, lake: Lake, days: list[date]) -> None:
    """Lands those of the days that have not landed, in each feed."""
    landed = _landed(lake)
    missing = {name: [day for day in days if day not in some] for name, some in landed.items()}
    days = sorted({day for some in missing.values() for day in some})
    if not days:
        return
    progress = _Progress(len(days))
    lives = TicketLives(world, parameters)
    feeds = [feed(world, parameters, lives) for feed in FEEDS]
    numbers = {name: [day_number(day) for day in some] for name, some in missing.items()}
    land(feeds, lives, parameters, numbers, lake, progress)
    progress.close()
    span = f"{days[0]}" if len(days) == 1 else f"{len(days)} days, {days[0]} to {days[-1]}"
    lines = ", ".join(f"{count} lines in {name}" for name, count in progress.lines.items())
    print(f"landed {span}, in {lake.output}: {lines}")


class _Progress:
    """A line on standard error that says how far things are, where that is a terminal."""

    def __init__(self, days: int):
        self.days, self.landed, self.lines = days, set(), Counter()
        self._shown_at, self._is_shown = 0.0, sys.stderr.isatty()

    def __call__(self, day: date, feed: str, lines: int) -> None:
        self.landed.add(day)
        self.lines[feed] += lines
        if self._is_shown and (time.monotonic() - self._shown_at > 0.1 or len(self.landed) == self.days):
            self._shown_at = time.monotonic()
            line = f"\r{day}  {len(self.landed)}/{self.days} days  {self.lines.total():,} lines"
            print(line, end="", file=sys.stderr, flush=True)

    def close(self) -> None:
        if self._is_shown:
            print(file=sys.stderr)


def _complain(status: int, message: str) -> int:
    print(f"generator: {message}", file=sys.stderr)
    return status


def _lake(output: str) -> Lake:
    if "://" in output:
        raise GeneratorError(
            f"--output {output} is no folder; generate into one and copy it, with `aws s3 sync` for example"
        )
    return Lake(Path(output))


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _difference(lake: Lake, there: Parameters, here: Parameters) -> str:
    differing = [
        f"{name} ({getattr(there, name)} there, {getattr(here, name)} here)"
        for name in ("seed", "start", "per_day", "shares")
        if getattr(there, name) != getattr(here, name)
    ]
    seeds = sorted({*there.seeds, *here.seeds})
    differing += [f"{name}.csv" for name in seeds if there.seeds.get(name) != here.seeds.get(name)]
    return (
        f"--output {lake.output} was generated with other parameters: {', '.join(differing)}; "
        "to add days use `simulate`, otherwise name another --output or delete this one"
    )


def _parser() -> argparse.ArgumentParser:
    as_written = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(prog="python -m generator", description=DESCRIPTION, **as_written)
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    backfill = commands.add_parser(
        "generate", help="land a span of days", description=GENERATE, epilog=GENERATE_EXAMPLES, **as_written
    )
    backfill.set_defaults(run=generate)
    amount = backfill.add_mutually_exclusive_group()
    _option(amount, "--count", "N", _positive_integer, f"tickets opened in the whole span (default: {COUNT})")
    _option(amount, "--per-day", "RATE", _positive_number, "tickets opened on an average day, instead of --count")
    _option(backfill, "--start", "D", _date, "first day to land, UTC (default: %(default)s)", START)
    _option(backfill, "--end", "D", _date, "last day to land, UTC (default: %(default)s)", END)
    backfill.add_argument(
        "--if-empty",
        action="store_true",
        help="where landings were made otherwise, leave them as they are, without an error",
    )
    _output_option(backfill)
    _option(backfill, "--seed", "N", _seed, "another number gives other tickets (default: %(default)s)", 1)
    _option(
        backfill,
        "--late",
        "SHARE",
        _share,
        f"of the lines, those that land 1 to {LONGEST_DELAY} days after what they tell of (default: %(default)s)",
        Shares.late,
    )
    _option(
        backfill,
        "--duplicates",
        "SHARE",
        _share,
        "of the lines, those that land once more, on the same day or later (default: %(default)s)",
        Shares.duplicates,
    )
    _option(
        backfill,
        "--dirty",
        "SHARE",
        _share,
        "broken lines to add, for the lake to refuse, as a share of the lines (default: %(default)s)",
        Shares.dirty,
    )
    _option(
        backfill,
        "--seeds",
        "DIR",
        Path,
        "folder of markets.csv, agents.csv and the other seeds (default: the project's)",
        PROJECT_SEEDS,
    )

    following = commands.add_parser(
        "simulate", help="land the days that follow", description=SIMULATE, epilog=SIMULATE_EXAMPLES, **as_written
    )
    following.set_defaults(run=simulate)
    which = following.add_mutually_exclusive_group()
    _option(which, "--days", "N", _positive_integer, f"land the N days after the last one (default: {DAYS})")
    _option(
        which,
        "--date",
        "D",
        _date,
        "land this day; if it comes after the next one, the days in between land too, so that the lake has no hole",
    )
    _output_option(following)
    _option(following, "--seeds", "DIR", Path, "stop if the lake was generated with other seeds than these")
    return parser


def _option(group, name: str, metavar: str, kind, text: str, default=None) -> None:
    group.add_argument(name, type=kind, metavar=metavar, help=text, default=default)


def _output_option(command: argparse.ArgumentParser) -> None:
    output = os.path.join(os.environ.get("LAKE") or "lake", "raw")
    _option(command, "--output", "DIR", str, "the raw zone (default: $LAKE/raw, which is now %(default)s)", output)


def _positive_integer(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number above 0, below a billion")
    return int(text)


def _positive_number(text: str) -> float:
    number = _number(text)
    if not 0 < number < 1e9:
        raise argparse.ArgumentTypeError(f"{text!r} must be a number above 0, below a billion")
    return number


def _share(text: str) -> float:
    share = _number(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} must be a share between 0 and 1, such as 0.02")
    return share


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} must be a whole number, 0 or more")
    return int(text)


def _date(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-03-01") from None
    if not EARLIEST <= day <= LATEST:
        raise argparse.ArgumentTypeError(f"{text} is out of range; give a day from {EARLIEST} to {LATEST}")
    return day
