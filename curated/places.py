"""Where the curated zone is: a folder, or a prefix on S3."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from curated.manifest import NAME, Manifest, from_json

_FOLDER = re.compile(r"v(\d{6,})-[0-9a-f]{8}")  # of a version


class Busy(Exception):
    """Another publication is going on."""


class Place(Protocol):
    def current(self) -> Manifest | None:
        """What readers read now."""

    def manifest(self, folder: str) -> Manifest:
        """That of a version that is kept. FileNotFoundError if it is not."""

    def local(self, path: str, size: int) -> Path:
        """A file of a version on this machine. FileNotFoundError if it is gone."""

    def publishing(self) -> Any:
        """A context in which nobody else publishes here, as far as that can be told. Busy if somebody does."""

    def writing(self, folder: str) -> Any:
        """A context with a folder on this machine; what was written into it stands in the place when it ends."""

    def switch(self, manifest: Manifest) -> None:
        """From one moment to the next, readers read this version. Busy if somebody else has switched meanwhile."""

    def clean(self, manifest: Manifest) -> None:
        """Removes the folders of versions up to this one that it does not keep."""

    def forget(self, manifest: Manifest) -> None:
        """Removes what readers on this machine have of versions that are older than all that are kept."""


def place(address: str) -> Place:
    if not address.startswith("s3://"):
        return Folder(Path(address))
    from curated.s3 import Bucket  # boto3 is needed for S3 alone

    return Bucket(address)


def default_address() -> str:
    return os.environ.get("TICKETLAKE_CURATED") or os.path.join(os.environ.get("LAKE", "lake"), "curated")


def is_left_over(name: str, manifest: Manifest) -> bool:
    """Whether a folder is of a version that went, or of a publication up to this one that was broken off.

    A later number is that of a publication that is going on.
    """
    found = _FOLDER.fullmatch(name)
    return bool(found) and int(found[1]) <= manifest.version and name not in manifest.folders.values()


class Folder:
    """A version is a folder; a rename of manifest.json is the switch."""

    def __init__(self, root: Path):
        self._root = root

    def __str__(self) -> str:
        return str(self._root)

    def current(self) -> Manifest | None:
        try:
            return from_json((self._root / NAME).read_bytes())
        except FileNotFoundError:
            return None

    def manifest(self, folder: str) -> Manifest:
        return from_json((self._root / folder / NAME).read_bytes())

    def local(self, path: str, size: int) -> Path:
        found = self._root / path
        if not found.exists():
            raise FileNotFoundError(found)
        return found

    @contextmanager
    def publishing(self) -> Iterator[None]:
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / ".lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy(f"{self._root}: another publication is going on. Wait for its end.") from None
            yield

    @contextmanager
    def writing(self, folder: str) -> Iterator[Path]:
        written = self._root / folder
        written.mkdir()
        yield written
        for path in (*written.rglob("*"), written, self._root):
            sync(path)

    def switch(self, manifest: Manifest) -> None:
        new = self._root / f".{NAME}"
        new.write_bytes(manifest.to_json())
        sync(new)
        new.replace(self._root / NAME)
        sync(self._root)

    def clean(self, manifest: Manifest) -> None:
        for path in self._root.iterdir():
            if is_left_over(path.name, manifest):
                shutil.rmtree(path)

    def forget(self, manifest: Manifest) -> None:
        """Readers read the folder itself."""


def sync(path: Path) -> None:
    """Makes sure that a file or folder is on the disk, also after a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
