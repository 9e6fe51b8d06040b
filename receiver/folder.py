"""A raw zone in a folder: lines are appended to one open file and synced, and the file lands when it is closed."""

from __future__ import annotations

import fcntl
import os
import secrets
import sys
import time
from datetime import date, datetime, timezone
from pathlib import Path

from receiver import Refused
from receiver.definition import FEED
from receiver.index import Index
from receiver.landing import Group, Landing, Outcome, Submission, Unavailable

_OPEN = "_receiver-*.jsonl"


class FolderLanding(Landing):
    """raw: the raw zone. A file is closed after so many seconds or bytes, and at midnight UTC."""

    def __init__(self, raw: Path, file_seconds: float = 60, file_bytes: int = 16 * 1024**2):
        super().__init__()
        self._folder, self._file_seconds, self._file_bytes = raw / FEED, file_seconds, file_bytes
        self._lock = Lock(raw)
        recover(raw)
        self._index = Index(self._folder)
        # What has been acknowledged and is not in the index yet, and the landed files in which it is.
        self._recent: dict[bytes, bytes] = {}
        self._landed: list[Path] = []
        self._file: OpenFile | None = None

    def land(self, group: list[Submission]) -> list[Outcome]:
        new = Group(self._content)
        try:
            self._demand_what_was_there()
            outcomes = [new.take(submission) for submission in group]
            if new.lines:
                self._append(b"".join(new.lines))
        except OSError as error:
            return [Unavailable(str(error))] * len(group)
        self._recent |= new.content
        return outcomes

    def _content(self, key: bytes) -> bytes | None:
        return self._recent.get(key) or self._index.content(key)

    def _demand_what_was_there(self) -> None:
        """If somebody took the open file away, what it held has not landed any more."""
        self._lock.demand()
        if self._file is not None and not self._file.is_there():
            self._file.abandon()
            self._file, self._recent, self._landed = None, {}, []
            self._index = self._index.reopened()

    def _append(self, lines: bytes) -> None:
        today = self.today()
        if self._file is not None and self._file.day != today:
            self._close_file()
        if self._file is None:
            self._file = OpenFile(self._folder, today, self._file_seconds)
        self._file.append(lines)
        if self._file.size >= self._file_bytes:
            self._file.closes_at = 0

    def due_in(self) -> float | None:
        return None if self._file is None else self._file.closes_at - time.monotonic()

    def tidy(self) -> None:
        due = self.due_in()
        if due is None or due > 0:
            return
        try:
            self._close_file()
        except OSError as error:
            # It lands a second later then, or at the next start.
            print(f"{self._file.path} cannot be closed yet: {error}", file=sys.stderr)
            self._file.closes_at = time.monotonic() + 1

    def finish(self) -> None:
        try:
            if self._file is not None:
                self._close_file()
        except OSError as error:
            print(f"{self._file.path} is left open for the next start: {error}", file=sys.stderr)
        self._index.close()
        self._lock.release()

    def _close_file(self) -> None:
        if path := self._file.land():
            self._landed.append(path)
        self._file = None
        if self._index.add(self._landed, self._recent):
            self._recent, self._landed = {}, []

    def probe(self) -> None:
        try:
            self._lock.demand()
            path = self._folder / "_receiver.probe"
            path.write_bytes(bytes(4096))
            path.unlink()
        except OSError as error:
            raise Unavailable(str(error)) from None


class OpenFile:
    """The file that lines are appended to. Up to `size` it is durable; what may stand behind is cut off first."""

    def __init__(self, folder: Path, day: date, seconds: float):
        self.day = day
        self._day_folder = folder / f"dt={day}"
        now = datetime.now(timezone.utc)
        self.path = self._day_folder / f"_receiver-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}.jsonl"
        self._day_folder.mkdir(exist_ok=True)
        sync(folder)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        self.size, self._is_torn = 0, True
        to_midnight = 86400 - (now.hour * 3600 + now.minute * 60 + now.second)
        self.closes_at = time.monotonic() + min(seconds, to_midnight)

    def append(self, lines: bytes) -> None:
        """Returns once they are durable; if it fails, they count as not written."""
        self._mend()
        self._is_torn = True
        rest = memoryview(lines)
        while rest:
            rest = rest[os.write(self._file, rest) :]
        os.fsync(self._file)
        if not self.is_there():
            raise OSError(f"{self.path} was taken away")
        self.size += len(lines)
        self._is_torn = False

    def _mend(self) -> None:
        """Cuts off what an append left that failed; of a new file, makes its name durable."""
        if self._is_torn:
            os.ftruncate(self._file, self.size)
            os.fsync(self._file)
            sync(self._day_folder)
            self._is_torn = False

    def is_there(self) -> bool:
        return _is_same(self._file, self.path)

    def land(self) -> Path | None:
        """Gives it the name under which the lake reads it, and says it; nothing is left of one without lines."""
        self._mend()
        path = landed(self.path, self.size)
        os.close(self._file)
        return path

    def abandon(self) -> None:
        os.close(self._file)


class Lock:
    """Held by the one receiver of a raw zone, for as long as its process lives."""

    def __init__(self, raw: Path):
        self._path = raw / FEED / "_receiver.lock"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            for folder in (raw, raw.parent):
                sync(folder)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise Refused(f"{self._path.parent} cannot be written: {error}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Refused(f"A receiver is running on {raw}. One raw zone has one: end that one first.") from None

    def demand(self) -> None:
        """OSError if the folder is another one than at the start, or gone."""
        if not _is_same(self._file, self._path):
            raise OSError(f"{self._path.parent} was taken away or replaced; bring it back, or start the receiver again")

    def release(self) -> None:
        os.close(self._file)


def recover(raw: Path) -> list[tuple[Path, int]]:
    """Lands the files that a process left open: each, and how many bytes were cut off that were no whole line.

    Needs the lock.
    """
    found = []
    for path in sorted((raw / FEED).glob(f"dt=*/{_OPEN}")):
        try:
            good, size = _whole_lines(path), path.stat().st_size
            with path.open("rb+") as file:
                file.truncate(good)
                os.fsync(file.fileno())
            found.append((landed(path, good) or path, size - good))
        except OSError as error:
            raise Refused(f"{path} was left open and cannot be completed: {error}") from None
    return found


def landed(path: Path, size: int) -> Path | None:
    """Renames an open file to its landed name; removes one without lines."""
    target = path.with_name(path.name.removeprefix("_")) if size else None
    if target:
        path.rename(target)
    else:
        path.unlink()
    sync(path.parent)
    return target


def _whole_lines(path: Path) -> int:
    """The bytes up to the first line that is not whole: a JSON object has its braces, and no zeros of lost blocks."""
    good = 0
    with path.open("rb") as file:
        for line in file:
            if not line.startswith(b"{") or not line.endswith(b"}\n") or b"\0" in line:
                break
            good += len(line)
    return good


def sync(folder: Path) -> None:
    """Makes the names in a folder durable."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _is_same(file: int, path: Path) -> bool:
    """Whether the name still leads to the open file."""
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except OSError:
        return False
