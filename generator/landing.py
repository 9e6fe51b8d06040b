"""Lands a feed day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Protocol, TypeVar

import numpy as np
import pyarrow as pa

from generator.calendars import day_number, day_of
from generator.defects import Defect, broken
from generator.draws import Draws
from generator.lake import Lake, Parameters
from generator.records import groups, stacked
from generator.text import characters

T = TypeVar("T")

SLICE = 65_536  # lines turned into text at once; bounds the memory of a busy day


class Feed(Protocol):
    """A kind of line. Lines are a structured array with a field `place`, their order within a landed day."""

    name: str
    window: int

    def lines(self, day: int) -> Iterator[tuple[np.ndarray, np.ndarray]]: ...

    def text(self, lines: np.ndarray) -> pa.StringArray: ...

    def defects(self, day: int) -> list[Defect]: ...


def land(
    feed: Feed, parameters: Parameters, days: Sequence[int], lake: Lake, report: Callable[[date, int], None]
) -> None:
    """Lands the feed on each of the day numbers `days` (ascending), and reports each day with its number of lines.

    Making lines, turning them into text and writing it go on side by side, each a little ahead of the next.
    """
    landings = _ahead(_landings(feed, days, day_number(parameters.start)))
    texts = _ahead(_texts(feed, parameters, landings))
    for day, parts in groupby(texts, key=itemgetter(0)):
        counts = []
        lake.land(feed.name, day_of(day), _counted(parts, counts))
        report(day_of(day), sum(counts))


def _counted(parts: Iterable[tuple[int, int, memoryview | bytes]], counts: list[int]) -> Iterator[memoryview | bytes]:
    for _, count, text in parts:
        counts.append(count)
        yield text


def _landings(feed: Feed, days: Sequence[int], start: int) -> Iterator[tuple[int, np.ndarray | None]]:
    """Each day with its lines in the order in which they arrive, None without any.

    A landed day holds lines of the tickets opened in the feed's window before it, so these are gone through once;
    only what lands later is kept.
    """
    wanted, pending = set(days), defaultdict(list)
    for day in range(max(days[0] - feed.window, start), days[-1] + 1):
        for lines, lands_on in feed.lines(day):
            for later, some in groups(lines, lands_on):
                if later in wanted:
                    pending[later].append(some.copy())
        if day in pending:
            lines = stacked(pending.pop(day))
            yield day, lines.take(np.argsort(lines["place"], kind="stable"))
        elif day in wanted:
            yield day, None


def _texts(
    feed: Feed, parameters: Parameters, landings: Iterable[tuple[int, np.ndarray | None]]
) -> Iterator[tuple[int, int, memoryview | bytes]]:
    """The text of the landings, broken lines included, in parts: the day, how many lines, and their text."""
    for day, lines in landings:
        if lines is None:
            yield day, 0, b""
            continue
        defects, draws = feed.defects(day), Draws(parameters.seed, feed.name, "broken lines", day)
        for start in range(0, len(lines), SLICE):
            texts = feed.text(lines[start : start + SLICE])
            yield day, len(texts), characters(texts)
            yield day, *broken(texts, defects, parameters.shares.dirty, draws)


def _ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items, the next one being made in a thread of its own while the last is used."""
    nothing = object()
    with ThreadPoolExecutor(max_workers=1) as maker:
        following = maker.submit(next, items, nothing)
        while (item := following.result()) is not nothing:
            following = maker.submit(next, items, nothing)
            yield item
