"""The states of a ticket, from what it is now and the changes that are on record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNKNOWN = object()  # what a field was before a change, if the change does not say

Change = Mapping[str, tuple[Any, Any]]  # what each field was before, and after
State = dict[str, Any]


@dataclass(frozen=True)
class Update:
    """What happened to a ticket at a moment: (field, before, after) of each field that it changed, in their order."""

    moment: datetime
    at: str
    update_id: str
    event: str | None = None
    changes: tuple[tuple[str, str | None, str | None], ...] = ()

    def change(self, fields: Mapping[str, Any]) -> Change:
        """What it changed of these fields."""
        found: dict[str, tuple[Any, Any]] = {}
        for field, before, after in self.changes:
            if field in fields:
                found[field] = (found[field][0] if field in found else before, after)
        return found


def states(now: Mapping[str, Any], changes: Sequence[Change]) -> list[State]:
    """The state before the first change, then the one after each, in their order.

    A field that no change names is what it is now. What later changes say counts before what the present does, so that
    a change that is newer than `now` is told as it was.
    """
    state, named = dict(now), set()
    for change in changes:
        for name, (before, after) in change.items():
            if name not in named:
                named.add(name)
                state[name] = after if before is UNKNOWN else before
    told = [state]
    for change in changes:
        state = state | {name: after for name, (_, after) in change.items()}
        told.append(state)
    return told


def told(now: Mapping[str, Any], updates: Sequence[Update]) -> Iterator[tuple[Update, State, int]]:
    """Each update, oldest first, with the full state just after it, and its number among those of the same moment.

    Updates of the same moment come in the order in which they are given.
    """
    ordered = sorted(updates, key=lambda update: update.moment)
    _, *after = states(now, [update.change(now) for update in ordered])
    before, number = None, 0
    for update, state in zip(ordered, after, strict=True):
        number = number + 1 if update.moment == before else 0
        before = update.moment
        yield update, state, number
