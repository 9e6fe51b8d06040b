"""The states that a ticket went through, from what it is now and the history of its fields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

State = dict[str, "str | None"]


@dataclass(frozen=True)
class Update:
    """What happened to a ticket at a moment: (field, before, after) of each field that it changed."""

    moment: datetime
    at: str
    update_id: str
    event: str | None = None
    changes: tuple[tuple[str, str | None, str | None], ...] = ()


def states(now: State, updates: list[Update]) -> Iterator[tuple[Update, State, int]]:
    """Each update, oldest first, with the full state just after it, and its number among those of the same moment.

    A field was what its first change says it was before; without one it always was what it is now. Updates of the same
    moment come in the order in which they are given.
    """
    ordered = sorted(updates, key=lambda update: update.moment)
    state = dict(now)
    for update in reversed(ordered):
        state |= {field: before for field, before, _ in reversed(update.changes) if field in now}
    before, number = None, 0
    for update in ordered:
        state = state | {field: after for field, _, after in update.changes if field in now}
        number = number + 1 if update.moment == before else 0
        before = update.moment
        yield update, state, number
