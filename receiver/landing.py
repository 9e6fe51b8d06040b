"""What all raw zones have in common: requests queue up, one thread lands them in groups, then each has its answer."""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import cached_property

from receiver.reading import Record

_MOST_WAITING = 64 * 1024**2
_MOST_AT_ONCE = 4 * 1024**2
_PROBED_FOR = 5


class Unavailable(Exception):
    """Nothing was acknowledged, and why. The same request may succeed later."""


class Contradiction(Exception):
    """The places of records whose id has landed with other content. Nothing of the request landed."""

    def __init__(self, places: list[int]):
        super().__init__(places)
        self.places = places


@dataclass(frozen=True)
class Submission:
    """The records of a request. Its answer says of each whether it had landed before."""

    records: list[Record]
    answer: Future[list[bool]] = field(default_factory=Future)

    @cached_property
    def size(self) -> int:
        return sum(len(record.line) for record in self.records)


Outcome = list[bool] | Contradiction | Unavailable


class Group:
    """What of a group is to land: `content` by key of its records, and their `lines`.

    landed: says by key the content that has landed before, None for none; Unavailable if that is not known yet.
    """

    def __init__(self, landed: Callable[[bytes], bytes | None]):
        self._landed = landed
        self.content: dict[bytes, bytes] = {}
        self.lines: list[bytes] = []

    def take(self, submission: Submission) -> Outcome:
        """Which of its records are duplicates; the others join what is to land, all or none."""
        own: dict[bytes, bytes] = {}
        lines, duplicates, contradictions = [], [], []
        for place, record in enumerate(submission.records):
            try:
                known = own.get(record.key) or self.content.get(record.key) or self._landed(record.key)
            except Unavailable as error:
                return error
            duplicates.append(known is not None)
            if known is None:
                own[record.key] = record.content
                lines.append(record.line)
            elif known != record.content:
                contradictions.append(place)
        if contradictions:
            return Contradiction(contradictions)
        self.content |= own
        self.lines += lines
        return duplicates


class Landing(ABC):
    """Lands requests in one thread, in the order in which they came.

    gathers: seconds for which a group waits for more, from its first request on.
    """

    gathers: float = 0

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: deque[Submission] = deque()
        self._size = 0
        self._is_closing = False
        self._day = date.min
        self._probe: tuple[float, str | None] = (-_PROBED_FOR, None)
        self._thread = threading.Thread(target=self._run, name="landing", daemon=True)

    # ---------- what a raw zone does; all but `probe` in the thread

    @abstractmethod
    def land(self, group: list[Submission]) -> list[Outcome]:
        """Lands what is new in a group; once it returns, that is durable."""

    @abstractmethod
    def probe(self) -> None:
        """Raises Unavailable if nothing can be landed."""

    def due_in(self) -> float | None:
        """Seconds until `tidy` has something to do, None if it has not."""
        return None

    def tidy(self) -> None:
        """Does what is due."""
        return

    def finish(self) -> None:
        """Ends in good order."""
        return

    # ---------- for everybody

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Lands what still waits, then ends."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()

    def today(self) -> date:
        """The UTC date on which records land, which never goes back."""
        self._day = max(self._day, datetime.now(timezone.utc).date())
        return self._day

    def submit(self, records: list[Record]) -> Future[list[bool]]:
        """The answer to come: which of them are duplicates, or Contradiction, or Unavailable."""
        submission = Submission(records)
        # Who goes away before the answer does not take it back.
        submission.answer.set_running_or_notify_cancel()
        with self._changed:
            if self._is_closing:
                raise Unavailable("the receiver is going down")
            if self._size + submission.size > _MOST_WAITING:
                raise Unavailable("too much is waiting to be written")
            self._waiting.append(submission)
            self._size += submission.size
            self._changed.notify()
        return submission.answer

    def check(self) -> str | None:
        """What keeps records from landing, None if nothing does. Looks every few seconds, however often it is asked."""
        looked_at, found = self._probe
        if time.monotonic() - looked_at >= _PROBED_FOR:
            try:
                self.probe()
                found = None
            except Unavailable as error:
                found = str(error)
                print(f"Nothing can be landed: {found}", file=sys.stderr)
            self._probe = (time.monotonic(), found)
        return found

    # ---------- the thread

    def _run(self) -> None:
        while (group := self._next()) is not None:
            if group:
                self._answer(group)
            self.tidy()
        self.finish()

    def _answer(self, group: list[Submission]) -> None:
        try:
            outcomes: list[Outcome] = self.land(group)
        except Exception as error:  # Whatever it is, those who wait must hear, and the next group be tried.
            outcomes = [Unavailable(f"{type(error).__name__}: {error}")] * len(group)
        for message in {str(outcome) for outcome in outcomes if isinstance(outcome, Unavailable)}:
            print(f"Not landed: {message}", file=sys.stderr)
        for submission, outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                submission.answer.set_exception(outcome)
            else:
                submission.answer.set_result(outcome)

    def _next(self) -> list[Submission] | None:
        """The next group; an empty one when something is due, None at the end."""
        with self._changed:
            while not self._waiting:
                if self._is_closing:
                    return None
                due = self.due_in()
                if due is not None and due <= 0:
                    return []
                self._changed.wait(due)
            until = time.monotonic() + self.gathers
            while self._size < _MOST_AT_ONCE and not self._is_closing and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            group, size = [], 0
            while self._waiting and (not group or size + self._waiting[0].size <= _MOST_AT_ONCE):
                group.append(self._waiting.popleft())
                size += group[-1].size
            self._size -= size
            return group
