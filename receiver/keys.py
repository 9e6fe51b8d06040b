"""API keys: made once, kept as hashes, revoked without a restart."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from receiver import Refused
from receiver.landing import Unavailable

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass
class Key:
    """sha256: of the key, which has 256 random bits, so that no slow hash is needed."""

    name: str
    sha256: str
    made_at: str
    revoked_at: str | None = None


class FixedKeys:
    """Keys by name, given as hashes, such as NAME=HASH NAME=HASH."""

    def __init__(self, text: str):
        pairs = [item.rpartition("=") for item in re.split(r"[\s,]+", text.strip()) if item]
        if not pairs or not all(name and _HASH.fullmatch(digest) for name, _, digest in pairs):
            raise Refused(
                "TICKETLAKE_KEY_HASHES has to be NAME=HASH, more of them after a space: "
                "`python -m receiver keys add NAME` prints one"
            )
        self._hashes = [(name, digest) for name, _, digest in pairs]

    def holder(self, token: str) -> str | None:
        """Whose key it is, None if it is nobody's."""
        return _holder(token, self._hashes)


class KeyFile:
    """Keys in a file, which is read again whenever it changes."""

    def __init__(self, path: Path):
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._hashes: list[tuple[str, str]] = []

    def demand(self) -> None:
        if not self.path.exists():
            raise Refused(f"There is no key file {self.path}. Make a key: python -m receiver keys add NAME")
        self.read()

    def holder(self, token: str) -> str | None:
        """Whose key it is, None if it is nobody's. Unavailable if the file cannot be read."""
        try:
            status = self.path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._hashes = [(key.name, key.sha256) for key in self.read() if key.revoked_at is None]
                self._seen = seen
        except (OSError, Refused) as error:
            raise Unavailable(f"the keys cannot be read: {error}") from None
        return _holder(token, self._hashes)

    def read(self) -> list[Key]:
        try:
            return [Key(**key) for key in json.loads(self.path.read_bytes())] if self.path.exists() else []
        except (ValueError, TypeError) as error:
            raise Refused(f"{self.path} is no key file: {error}. Restore it, or remove it and make new keys.") from None

    def add(self, name: str) -> str:
        """A new key, which is not kept anywhere."""
        if not re.fullmatch(r"[\w.@-]{1,100}", name):
            raise Refused(f"{name!r} is no name for a key: letters, digits and . _ @ - only, up to 100")
        with self._changing() as keys:
            if any(key.name == name and key.revoked_at is None for key in keys):
                raise Refused(f"There is a key {name} already. Revoke it first: python -m receiver keys revoke {name}")
            token = f"tl_{secrets.token_urlsafe(32)}"
            keys.append(Key(name, digest(token), _now()))
        return token

    def revoke(self, name: str) -> None:
        with self._changing() as keys:
            found = [key for key in keys if key.name == name and key.revoked_at is None]
            if not found:
                raise Refused(f"{self.path} has no key {name} in force: python -m receiver keys list")
            found[0].revoked_at = _now()

    @contextmanager
    def _changing(self) -> Iterator[list[Key]]:
        """The keys, to be changed; then the file is replaced as a whole. One process at a time."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self.path}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            keys = self.read()
            yield keys
            draft = Path(f"{self.path}.new")
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                json.dump([asdict(key) for key in keys], file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)


Keys = FixedKeys | KeyFile


def digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _holder(token: str, hashes: list[tuple[str, str]]) -> str | None:
    """Compares with all of them, each in the same time."""
    given = digest(token)
    return next((name for name, known in [pair for pair in hashes if hmac.compare_digest(pair[1], given)]), None)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
