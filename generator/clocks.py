"""When tickets take too long, by rules of thumb: the seeds' policies are for the models to apply."""

from __future__ import annotations

import numpy as np

from generator.calendars import DAY, Desks
from generator.ticket_lives import LIFE_DAYS
from generator.tickets import Cohort, Severity, Status

TARGET = np.array([480, 960, 2160, 4800]) * 60  # seconds by severity: open time of the desk, for P1 all time
IS_OPEN = np.array([status not in (Status.RESOLVED, Status.CLOSED, Status.CANCELLED) for status in Status])
RUNS = IS_OPEN & [status != Status.PENDING for status in Status]


def breaches(cohort: Cohort, desks: Desks) -> tuple[np.ndarray, np.ndarray]:
    """Tickets that are open when their time for a resolution is up (rows, ascending), and when that is."""
    updates, ticket = cohort.updates, cohort.ticket
    begins, is_last = updates["at"], np.append(ticket[1:] != ticket[:-1], True)
    ends = np.where(is_last, (cohort.day + LIFE_DAYS) * DAY, np.append(begins[1:], 0))
    severity, market = updates["severity"], cohort.tickets["market"][ticket].astype(np.int64)
    is_open, runs, is_p1 = IS_OPEN[updates["status"]], RUNS[updates["status"]], severity == Severity.P1

    by_desk = desks.opened(market, ends) - desks.opened(market, begins)
    counted = np.where(runs, np.where(is_p1, ends - begins, by_desk), 0)
    before = np.cumsum(counted) - counted
    before -= before[np.searchsorted(ticket, np.arange(len(cohort.tickets)))][ticket]
    rest = TARGET[severity] - before
    left = np.maximum(rest, 0)
    used_up_at = np.where(is_p1, begins + left, desks.later(market, begins, left))
    due_at = cohort.tickets["due_at"][ticket]  # the source's own deadline comes first
    moments = np.where(due_at > 0, np.maximum(due_at, begins), used_up_at)
    breaching = np.flatnonzero(np.where(due_at > 0, is_open & (due_at < ends), runs & (rest < counted)))
    rows, firsts = np.unique(ticket[breaching], return_index=True)
    return rows, moments[breaching[firsts]]
