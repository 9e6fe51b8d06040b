"""Vehicles: what each one is, and how far it has come."""

from __future__ import annotations

from datetime import date

import numpy as np

from generator.calendars import DAY, day_number
from generator.draws import Draws
from generator.ticket_lives import VEHICLES

MODELS = {"Compact 40": 24, "Compact 60": 21, "Estate 60": 18, "Estate 80": 17, "Van 60": 12, "Van 90": 8}
OLDEST, YOUNGEST = 2600, 20  # days before a lake's first day, at its delivery
SLOWEST, FASTEST = 12, 90  # km a day


class Vehicles:
    """All vehicles of a lake; `model` has an index into MODELS for each, `home` a number below a million."""

    def __init__(self, seed: int, start: date):
        draws = Draws(seed, "vehicles")
        self.model = draws.weighted(VEHICLES, list(MODELS.values()))
        self.home = draws.below(VEHICLES, 10**6)
        self._delivered_at = (day_number(start) - YOUNGEST - draws.below(VEHICLES, OLDEST - YOUNGEST)) * DAY
        u = draws.uniform(VEHICLES)
        self._pace = SLOWEST + (u * u * (FASTEST - SLOWEST)).astype(np.int64)

    def odometer(self, vehicle: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Kilometres, which grow with time."""
        return (moment - self._delivered_at[vehicle]) * self._pace[vehicle] // DAY

    def age(self, vehicle: np.ndarray, moment: np.ndarray) -> np.ndarray:
        """Days since delivery."""
        return (moment - self._delivered_at[vehicle]) // DAY
