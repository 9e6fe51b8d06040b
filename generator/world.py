"""Markets, desks and customers, before anyone opens a ticket."""

from __future__ import annotations

from datetime import date

from generator.arrivals import Arrivals
from generator.calendars import Desks, day_number
from generator.seeds import Rows, understand

MARGIN = 3  # days around a span, for local dates that differ from UTC's


class World:
    """What the seeds say, for tickets opened from `start` to `last` whose lines land within `window` days."""

    def __init__(self, rows: Rows, start: date, last: date, window: int):
        self.seeds = understand(rows)
        first, days = day_number(start), (last - start).days + 1
        self.desks = Desks(self.seeds.calendars, first - 1, days + window + MARGIN)
        customers = [1 + sum(agent.region == market for agent in self.seeds.agents) for market in self.seeds.markets]
        self.arrivals = Arrivals(self.desks, self.seeds.calendars, customers, first, days)
        self._end = first + days

    def per_day(self, count: int) -> float:
        """The rate, in tickets on an average day, at which exactly `count` tickets are opened."""
        return count / self.arrivals.average_days(self._end)

    def opened(self, per_day: float) -> int:
        """How many tickets are opened at that rate."""
        return self.arrivals.opened_before(self._end, per_day)
