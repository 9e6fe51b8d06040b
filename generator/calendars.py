"""Opening hours in UTC: when a market's desk is open, and where so much open time leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np

DAY = 86_400
QUARTER = 900
QUARTERS = DAY // QUARTER
EPOCH = date(1970, 1, 1)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return (day - EPOCH).days


def day_of(number: int) -> date:
    return EPOCH + timedelta(days=int(number))


@dataclass(frozen=True)
class Calendar:
    """The opening hours of one calendar: seconds of the local day, by ISO weekday."""

    name: str
    zone: ZoneInfo
    hours: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()

    def open_share(self) -> np.ndarray:
        """The share of each local quarter of an hour that is open, shape (7, 96), Monday first."""
        edges = np.arange(QUARTERS) * QUARTER
        share = np.zeros((7, QUARTERS))
        for weekday, spans in self.hours.items():
            for opens, closes in spans:
                overlap = np.minimum(edges + QUARTER, closes) - np.maximum(edges, opens)
                share[weekday - 1] += np.maximum(overlap, 0) / QUARTER
        return np.minimum(share, 1.0)

    def open_intervals(self, first: int, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends, in UTC seconds since 1970, of what is open on `days` local dates from day number `first`."""
        intervals = []
        for day in map(day_of, range(first, first + days)):
            hours = [] if day in self.holidays else self.hours.get(day.isoweekday(), [])
            intervals += [(self._utc(day, opens), self._utc(day, closes)) for opens, closes in hours]
        if not intervals:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        starts, ends = np.array(sorted(intervals), dtype=np.int64).T
        ends = np.maximum.accumulate(ends)
        starts[1:] = np.maximum(starts[1:], ends[:-1])  # hours that overlap must not count twice
        return starts, ends

    def utc_offsets(self, first: int, days: int) -> np.ndarray:
        """Seconds east of UTC at each quarter of an hour from day number `first`, shape (days * 96,)."""
        midnights = [self._offset((first + n) * DAY) for n in range(days + 1)]
        offsets = np.repeat(np.array(midnights[:-1], dtype=np.int64), QUARTERS)
        for n in range(days):
            if midnights[n] != midnights[n + 1]:
                moments = range((first + n) * DAY, (first + n + 1) * DAY, QUARTER)
                offsets[n * QUARTERS : (n + 1) * QUARTERS] = [self._offset(moment) for moment in moments]
        return offsets

    def _utc(self, day: date, second: int) -> int:
        local = datetime(day.year, day.month, day.day) + timedelta(seconds=second)
        return int(local.replace(tzinfo=self.zone).timestamp())

    def _offset(self, moment: int) -> int:
        return int(datetime.fromtimestamp(moment, timezone.utc).astimezone(self.zone).utcoffset().total_seconds())


class Desks:
    """The desks of all markets over a span of days, for arithmetic on many moments at once.

    Moments are int64 UTC seconds since 1970; markets are indices into `calendars`. Beyond the span the desks count as
    always open, so a moment that is pushed out of it stays out.
    """

    def __init__(self, calendars: Sequence[Calendar], first: int, days: int):
        self.first = first
        self._origin, self._horizon = first * DAY, (first + days) * DAY
        self._lane = 2 * (self._horizon - self._origin) + DAY  # keeps the markets apart in one sorted array
        shared: dict[str, tuple] = {}
        for calendar in calendars:
            if calendar.name not in shared:
                shared[calendar.name] = calendar.utc_offsets(first, days), *self._whole_span(calendar, first, days)
        self.offsets = np.stack([shared[calendar.name][0] for calendar in calendars])
        starts, opened = zip(*(shared[calendar.name][1:] for calendar in calendars), strict=True)
        lanes = [np.full(len(each), market * self._lane) for market, each in enumerate(starts)]
        self._lanes, self._starts, self._opened = np.concatenate(lanes), np.concatenate(starts), np.concatenate(opened)
        self._by_start = self._lanes + self._starts
        self._by_opened = self._lanes + self._opened
        self._lengths = np.append(self._opened[1:] - self._opened[:-1], 0)
        self._lengths[np.append(self._lanes[1:] != self._lanes[:-1], True)] = self._lane

    def _whole_span(self, calendar: Calendar, first: int, days: int) -> tuple[np.ndarray, np.ndarray]:
        """Starts of the open intervals, relative to the span, and the open time before each.

        An interval of no length at the beginning and an endless one at the horizon make every look-up find one.
        """
        starts, ends = calendar.open_intervals(first - 1, days + 2)
        if not calendar.hours:
            starts, ends = np.array([self._origin]), np.array([self._horizon])
        starts, ends = np.clip(starts, self._origin, self._horizon), np.clip(ends, self._origin, self._horizon)
        kept = ends > starts
        starts, ends = starts[kept] - self._origin, ends[kept] - self._origin
        opened = np.concatenate([[0, 0], np.cumsum(ends - starts)])
        return np.concatenate([[0], starts, [self._horizon - self._origin]]), opened

    def later(self, market: np.ndarray, moment: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """The moments at which the markets' desks have been open for `seconds` since `moment`."""
        wanted = self.opened(market, moment) + seconds
        lane = market * self._lane
        found = np.searchsorted(self._by_opened, lane + np.minimum(wanted, self._lane - 1), side="right") - 1
        return self._origin + self._starts[found] + wanted - self._opened[found]

    def opened(self, market: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """How many seconds the markets' desks are open before `moment`, from some moment on."""
        since = np.minimum(moment - self._origin, self._lane - 1)
        now = np.searchsorted(self._by_start, market * self._lane + since, side="right") - 1
        return self._opened[now] + np.minimum(since - self._starts[now], self._lengths[now])

    def offset(self, market: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Seconds east of UTC in the markets at the moments."""
        return self.offsets[market, np.minimum((moment - self._origin) // QUARTER, self.offsets.shape[1] - 1)]
