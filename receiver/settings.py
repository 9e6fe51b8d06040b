"""From the environment to a landing and its keys."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from receiver import Refused
from receiver.folder import FolderLanding
from receiver.keys import FixedKeys, KeyFile, Keys
from receiver.landing import Landing

BODY_LIMIT = 5_000_000
LONGEST_LINE = 32 * 1024**2
FILE_SECONDS, FILE_BYTES = 60.0, 16 * 1024**2
GROUP_SECONDS = 1.0


@dataclass(frozen=True)
class Place:
    """A raw zone: a folder, or s3://BUCKET/PREFIX."""

    address: str

    @classmethod
    def from_environment(cls) -> Place:
        return cls(os.environ.get("TICKETLAKE_RAW") or f"{os.environ.get('LAKE', 'lake')}/raw")

    @property
    def is_on_s3(self) -> bool:
        return self.address.startswith("s3://")

    @property
    def folder(self) -> Path:
        if self.is_on_s3:
            raise Refused(f"{self.address} is no folder. Name one: LAKE=/path/to/lake")
        return Path(self.address)

    def landing(
        self,
        file_seconds: float = FILE_SECONDS,
        file_bytes: int = FILE_BYTES,
        group_seconds: float = GROUP_SECONDS,
    ) -> Landing:
        if self.is_on_s3:
            from receiver.s3 import S3Landing

            return S3Landing(self.address, group_seconds)
        return FolderLanding(self.folder, file_seconds, file_bytes)

    def key_file(self) -> KeyFile:
        if named := os.environ.get("TICKETLAKE_KEYS"):
            return KeyFile(Path(named))
        if self.is_on_s3:
            raise Refused("Set TICKETLAKE_KEYS, a file, or TICKETLAKE_KEY_HASHES: docs/receiving.md")
        return KeyFile(self.folder.parent / "receiver-keys.json")

    def keys(self) -> Keys:
        if hashes := os.environ.get("TICKETLAKE_KEY_HASHES"):
            return FixedKeys(hashes)
        file = self.key_file()
        file.demand()
        return file
