"""What a ticket and a change of it are, as arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import numpy as np


class Severity(IntEnum):
    P1, P2, P3, P4 = range(4)


class Source(IntEnum):
    HELPDESK, DEALER_CRM, MOBILE_APP = range(3)


class Channel(IntEnum):
    EMAIL, PHONE, CHAT, APP, DEALER = range(5)


class Status(IntEnum):
    """A part in a ticket's life; the seeds say what it is called."""

    NEW, OPEN, ESCALATED, PENDING, ON_HOLD, RESOLVED, CLOSED, CANCELLED = range(8)


class Event(IntEnum):
    (
        CREATED, ASSIGNED, AGENT_REPLY, CUSTOMER_REPLY, INTERNAL_NOTE,
        STATUS_CHANGED, SEVERITY_CHANGED, ESCALATED, RATED,
    ) = range(9)  # fmt: skip


TICKET = np.dtype(
    [
        ("number", np.int64),  # counts the tickets of a lake from 0
        ("opened_at", np.int64),  # UTC seconds since 1970, like every moment
        ("due_at", np.int64),  # the deadline that the source states, 0 for none
        ("topic", np.int32),  # into Topics.texts
        ("customer", np.int32),
        ("vehicle", np.int32),  # -1 for none
        ("market", np.int16),  # into the seeds' markets
        ("source", np.int8),
        ("channel", np.int8),
    ],
    align=True,
)
UPDATE = np.dtype(
    [
        ("at", np.int64),
        ("assignee", np.int32),  # into Staff.assignees
        ("step", np.int8),  # counts the updates of a ticket from 1
        ("event", np.int8),
        ("status", np.int8),
        ("severity", np.int8),
        ("satisfaction", np.int8),  # 1 to 5, 0 for none
        ("sequence", np.int8),
    ],
    align=True,
)


@dataclass(frozen=True)
class Cohort:
    """Tickets opened on one day, and their updates.

    `tickets` is a TICKET array; `updates` an UPDATE array ordered by ticket and step; `ticket` has the row in `tickets`
    of each update. Cohorts of a day are told apart by `block`.
    """

    day: int
    block: int
    tickets: np.ndarray
    live: Callable[[], tuple[np.ndarray, np.ndarray]]  # what happens to them takes time to find out: only if asked

    @property
    def updates(self) -> np.ndarray:
        return self._lived[0]

    @property
    def ticket(self) -> np.ndarray:
        return self._lived[1]

    @cached_property
    def _lived(self) -> tuple[np.ndarray, np.ndarray]:
        return self.live()
