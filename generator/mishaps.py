"""What goes wrong between a source and the lake: lines that land late, or land twice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.calendars import DAY
from generator.draws import Draws

LONGEST_DELAY = 14  # days, of a late line and its repetition together


@dataclass(frozen=True)
class Shares:
    """Of all lines, the share that lands late, that lands a second time, and that a broken line is added to."""

    late: float = 0.02
    duplicates: float = 0.01
    dirty: float = 0.002


@dataclass(frozen=True)
class Arrangement:
    """Which line lands when: the row of each line, the day number it lands on, and its place among that day's lines."""

    row: np.ndarray
    day: np.ndarray
    place: np.ndarray


def arrange(moments: np.ndarray, needed: np.ndarray, shares: Shares, draws: Draws) -> Arrangement:
    """When the lines of changes at `moments` (UTC seconds) land: on the same UTC day, or late; some a second time.

    A line that `needed` names (bool for each) is late only if the next row lands in time on the same day, so a
    record that starts with it is never first heard of late.
    """
    size = len(moments)
    day, place = np.divmod(moments, DAY)
    late = draws.hits(size, shares.late)
    in_time_next = np.append((day[1:] == day[:-1]) & ~late[1:] & ~needed[1:], False)
    late &= ~needed | in_time_next
    delay = np.where(late, 1 + _mostly_few(draws.uniform(size), LONGEST_DELAY), 0)
    place = np.where(late, draws.below(size, DAY), place)
    again = np.flatnonzero(draws.hits(size, shares.duplicates))
    longer = _mostly_few(draws.uniform(len(again)), LONGEST_DELAY - delay[again] + 1)
    return Arrangement(
        row=np.concatenate([np.arange(size), again]),
        day=np.concatenate([day + delay, (day + delay)[again] + longer]),
        place=np.concatenate([place, draws.below(len(again), DAY)]),
    )


def landed(records: np.ndarray, moments: np.ndarray, shares: Shares, draws: Draws) -> tuple[np.ndarray, np.ndarray]:
    """The lines of records that are known at `moments` (UTC seconds), with their place, and the day number of each."""
    landing = arrange(moments, np.zeros(len(records), bool), shares, draws)
    lines = records.take(landing.row)
    lines["place"] = landing.place
    return lines, landing.day


def _mostly_few(u: np.ndarray, limit) -> np.ndarray:
    return (u * u * limit).astype(np.int64)
