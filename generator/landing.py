"""Lands feeds day by day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Protocol, TypeVar

import numpy as np
import pyarrow as pa

from generator.ahead import ahead
from generator.calendars import day_number, day_of
from generator.defects import Defect, broken
from generator.draws import Draws
from generator.lake import Lake, Parameters
from generator.records import groups, stacked
from generator.text import characters
from generator.ticket_lives import TicketLives
from generator.tickets import Cohort

T = TypeVar("T")

SLICE = 65_536  # lines turned into text at once, at most; bounds the memory of a busy day
BATCH = 2048  # lines turned into text at once, at least


class Feed(Protocol):
    """A kind of line. Lines are a structured array with a field `place`, their order within a landed day.

    `window` is the number of days from the opening of a ticket to the landing of the last line that it leads to, at
    most; none lands before the day of the opening.
    """

    name: str
    window: int

    def lines(self, cohort: Cohort) -> tuple[np.ndarray, np.ndarray]: ...

    def text(self, lines: np.ndarray) -> pa.StringArray: ...

    def defects(self, day: int) -> list[Defect]: ...


Landing = tuple[int, Feed, np.ndarray | None]


def land(
    feeds: Sequence[Feed],
    lives: TicketLives,
    parameters: Parameters,
    days: Mapping[str, Sequence[int]],
    lake: Lake,
    report: Callable[[date, str, int], None],
) -> None:
    """Lands each feed on its day numbers in `days`, day by day, and reports each day, feed and number of lines.

    Making lines, turning them into text and writing it go on side by side, each a little ahead of the next.
    """
    landings = ahead(_landings(feeds, lives, days, day_number(parameters.start)))
    texts = ahead(_texts(parameters, landings))
    for (day, feed), parts in groupby(texts, key=itemgetter(0, 1)):
        counts = []
        lake.land(feed, day_of(day), _counted(parts, counts))
        report(day_of(day), feed, sum(counts))


def _counted(
    parts: Iterable[tuple[int, str, int, memoryview | bytes]], counts: list[int]
) -> Iterator[memoryview | bytes]:
    for *_, count, text in parts:
        counts.append(count)
        yield text


def _landings(
    feeds: Sequence[Feed], lives: TicketLives, days: Mapping[str, Sequence[int]], start: int
) -> Iterator[Landing]:
    """Each day and feed with its lines in the order in which they arrive, None without any.

    A landed day holds lines of the tickets opened in the feed's window before it, so these are gone through once;
    only what lands later is kept.
    """
    wanted = {feed: set(days[feed.name]) for feed in feeds if days[feed.name]}
    spans = {feed: range(max(min(some) - feed.window, start), max(some) + 1) for feed, some in wanted.items()}
    pending = defaultdict(list)
    for day in range(min(span.start for span in spans.values()), max(span.stop for span in spans.values())):
        concerned = [feed for feed, span in spans.items() if day in span]
        for cohort in lives.of(day):
            for feed in concerned:
                for later, some in groups(*feed.lines(cohort)):
                    if later in wanted[feed]:
                        pending[later, feed].append(some.copy())
        for feed in concerned:
            if (day, feed) in pending:
                lines = stacked(pending.pop((day, feed)))
                yield day, feed, lines.take(np.argsort(lines["place"], kind="stable"))
            elif day in wanted[feed]:
                yield day, feed, None


def _texts(parameters: Parameters, landings: Iterable[Landing]) -> Iterator[tuple[int, str, int, memoryview | bytes]]:
    """The text of the landings, broken lines included, in parts: the day, the feed, how many lines, and their text."""
    defects, draws, landing = [], None, None
    for batch in _batches(_slices(landings)):
        for (day, feed, lines), texts in zip(batch, _texts_of(batch), strict=True):
            if lines is None:
                yield day, feed.name, 0, b""
                continue
            if landing != (day, feed):
                landing = day, feed
                defects, draws = feed.defects(day), Draws(parameters.seed, feed.name, "broken lines", day)
            yield day, feed.name, len(texts), characters(texts)
            count, text = broken(texts, defects, parameters.shares.dirty, draws)
            if count:
                yield day, feed.name, count, text


def _slices(landings: Iterable[Landing]) -> Iterator[Landing]:
    """The landings, those of many lines in slices."""
    for day, feed, lines in landings:
        if lines is None:
            yield day, feed, None
            continue
        for start in range(0, len(lines), SLICE):
            yield day, feed, lines[start : start + SLICE]


def _batches(landings: Iterable[Landing]) -> Iterator[list[Landing]]:
    """As many landings at a time as have BATCH lines: turning few lines into text takes as long as hundreds."""
    batch, size = [], 0
    for landing in landings:
        batch.append(landing)
        size += 0 if landing[-1] is None else len(landing[-1])
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _texts_of(batch: Sequence[Landing]) -> list[pa.StringArray | None]:
    """The texts of each landing, None without lines; those of a feed are made at once."""
    by_feed = defaultdict(list)
    for place, (_, feed, lines) in enumerate(batch):
        if lines is not None:
            by_feed[feed].append(place)
    texts: list[pa.StringArray | None] = [None] * len(batch)
    for feed, places in by_feed.items():
        together, start = feed.text(stacked([batch[place][-1] for place in places])), 0
        for place in places:
            size = len(batch[place][-1])
            texts[place] = together.slice(start, size)
            start += size
    return texts
