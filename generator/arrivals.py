"""When tickets are opened: how many on each UTC day, and at which moment in which market."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from generator.calendars import DAY, QUARTER, QUARTERS, Calendar, Desks, day_number, day_of
from generator.draws import Draws

UNIT = 10**9  # the weight of an average day; whole numbers add up to the same on every machine
CLOSED_DESK = 0.07  # customers write to a closed desk too, this often compared with an open one
HOLIDAY = 0.5
BY_HOUR = (2, 1, 1, 1, 2, 4, 9, 16, 24, 30, 32, 30, 26, 26, 29, 30, 28, 26, 24, 21, 17, 13, 8, 4)
BY_WEEKDAY = (23, 21, 20, 20, 19, 14, 11)
WINTER_PEAK, WINTER_SWING = 20, 80  # day of the year, and how far the season moves a day's weight, in thousandths


class Arrivals:
    """The openings of tickets on `days` days from day number `start` on.

    How many there are before a day follows from the rate alone, so a lake can be continued day by day.
    """

    def __init__(
        self, desks: Desks, calendars: Sequence[Calendar], market_weights: Sequence[int], start: int, days: int
    ):
        self._desks, self._start = desks, start
        profiles = [_week(calendar, share) for calendar, share in zip(calendars, _shares(market_weights), strict=True)]
        self._open, self._shut = (np.stack(kind) for kind in zip(*profiles, strict=True))
        self._holidays = np.zeros((len(calendars), days + 2), bool)  # from the local day before the start on
        for market, calendar in enumerate(calendars):
            shut = [day_number(day) - start + 1 for day in calendar.holidays]
            self._holidays[market, [n for n in shut if 0 <= n < days + 2]] = True
        daily = [int(self._weights(start + n).sum()) for n in range(days)]
        self._cumulated = np.concatenate([[0], np.cumsum(np.array(daily, dtype=np.int64))])

    def opened_before(self, day: int, per_day: float) -> int:
        """How many tickets are opened before day number `day`, at `per_day` tickets on an average day."""
        return math.floor(per_day * self.average_days(day) + 0.5)

    def average_days(self, day: int) -> float:
        """How many average days the span from the start up to day number `day` counts for."""
        return int(self._cumulated[day - self._start]) / UNIT

    def openings(self, day: int, count: int, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
        """Market indices and moments (UTC seconds) of `count` openings on a day, in the order of the moments."""
        weights = self._weights(day)
        cell = draws.weighted(count, weights.ravel())
        market, quarter = np.divmod(cell, QUARTERS)
        moment = day * DAY + quarter * QUARTER + draws.below(count, QUARTER)
        order = np.argsort(moment, kind="stable")
        return market[order], moment[order]

    def _weights(self, day: int) -> np.ndarray:
        """The weight of each quarter of an hour of a UTC day in each market, shape (markets, 96)."""
        first = (day - self._desks.first) * QUARTERS
        quarters = day * QUARTERS + np.arange(QUARTERS) + self._desks.offsets[:, first : first + QUARTERS] // QUARTER
        local_day = quarters // QUARTERS
        quarter_of_week = (local_day + 3) % 7 * QUARTERS + quarters % QUARTERS  # 1970-01-01 was a Thursday
        market = np.arange(len(quarters))[:, None]
        is_holiday = self._holidays[market, local_day - self._start + 1]
        weights = np.where(is_holiday, self._shut[market, quarter_of_week], self._open[market, quarter_of_week])
        return weights * _season(day) // 1000


def _shares(weights: Sequence[int]) -> list[float]:
    return [weight / sum(weights) for weight in weights]


def _week(calendar: Calendar, share: float) -> tuple[np.ndarray, np.ndarray]:
    """Whole-number weights of each local quarter of a week, as usual and on holidays.

    A usual week adds up to the share of 7 average days.
    """
    customers = np.repeat(np.array(BY_HOUR) / max(BY_HOUR), QUARTERS // 24)
    levels = (CLOSED_DESK + (1 - CLOSED_DESK) * calendar.open_share()) * customers * np.array(BY_WEEKDAY)[:, None]
    shut = CLOSED_DESK * HOLIDAY * customers * np.array(BY_WEEKDAY)[:, None]
    scale = 7 * UNIT * share / math.fsum(levels.ravel().tolist())
    return np.rint(levels * scale).astype(np.int64).ravel(), np.rint(shut * scale).astype(np.int64).ravel()


def _season(day: int) -> int:
    turn = 2 * math.pi * (day_of(day).timetuple().tm_yday - WINTER_PEAK) / 365.25
    return 1000 + round(WINTER_SWING * math.cos(turn))
