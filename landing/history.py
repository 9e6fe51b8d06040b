"""The states of a ticket, from what it is now and the changes that are on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

UNKNOWN = object()  # what a field was before a change, if the change does not say

Change = Mapping[str, tuple[Any, Any]]  # what each field was before, and after


def states(now: Mapping[str, Any], changes: Sequence[Change]) -> list[dict[str, Any]]:
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
