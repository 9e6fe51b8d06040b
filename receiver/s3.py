"""A raw zone on S3: each group is one object, and of each record one small object says in which file it landed.

A marker names the one file that may bring its record. What a file holds is final, and no file is put twice, so a record
has landed if its marker's file is there and holds it. A file that never came is made up for by an empty one: then it
cannot come any more, and the marker is given to another file.
"""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import lru_cache, partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from infra import aws, upload
from receiver import Refused
from receiver.definition import FEED
from receiver.landing import Group, Landing, Outcome, Submission, Unavailable
from receiver.reading import parsed, record_of

_AT_ONCE = 32
# Seconds, more than a live instance needs between a marker and its file. A mistake costs a retry, and no record.
_PATIENCE = 15
_ON_ITS_WAY = b""
_EXISTS = ("PreconditionFailed", "ConditionalRequestConflict", "412", "409")
_MISSING = ("NoSuchKey", "404")


class S3Landing(Landing):
    """address: s3://BUCKET/PREFIX, the raw zone. group_seconds: for which requests are gathered into one object."""

    def __init__(self, address: str, group_seconds: float, s3: Any = None):
        super().__init__()
        self.gathers = group_seconds
        try:
            zone = upload.Raw(address, s3 or _client())
        except aws.Refused as error:
            raise Refused(str(error)) from None
        self._s3, self._bucket, self._prefix = zone.s3, zone.bucket, f"{zone.prefix}{FEED}/"
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="markers")
        # Of files whose outcome is not known, for which there is nothing to wait.
        self._failed: set[str] = set()
        self._held = lru_cache(maxsize=64)(self._read)

    def land(self, group: list[Submission]) -> list[Outcome]:
        now = datetime.now(timezone.utc)
        file = f"{self._prefix}dt={self.today()}/receiver-{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(6)}.jsonl"
        keys = list({record.key: None for submission in group for record in submission.records})
        try:
            claims = dict(zip(keys, self._pool.map(partial(self._claim, file), keys), strict=True))
            new = Group(partial(_landed, claims))
            outcomes = [new.take(submission) for submission in group]
            # Without a line it is put nevertheless, if a marker waits for it.
            if None in claims.values():
                self._put_file(file, b"".join(new.lines))
        except (ClientError, BotoCoreError, _FileTaken) as error:
            self._failed.add(file)
            return [Unavailable(aws.told(error))] * len(group)
        return outcomes

    # ---------- objects

    def _claim(self, file: str, key: bytes) -> bytes | None:
        """Makes the file the one that brings the record of a key: None. Or the content that another one has brought,
        _ON_ITS_WAY if another still may.
        """
        marker = f"{self._prefix}_receiver/ids/{key.hex()}"
        if self._put(marker, file.encode(), IfNoneMatch="*"):
            return None
        while True:
            found = self._get(marker)
            if found is None:
                raise _FileTaken(f"{marker} was taken away")
            named, tag, age = found
            other = named.decode()
            if other == file:
                return None
            held = self._held_by(other)
            if held is None:
                if age < _PATIENCE and other not in self._failed:
                    return _ON_ITS_WAY
                self._put(other, b"", IfNoneMatch="*")
                held = self._held_by(other) or {}
            if key in held:
                return held[key]
            if self._put(marker, file.encode(), IfMatch=tag):
                return None

    def _put_file(self, file: str, lines: bytes) -> None:
        """Durable once it returns. An answer that was lost may have had it put, which is seen by its content."""
        if not self._put(file, lines, IfNoneMatch="*"):
            found = self._get(file)
            if found is None or found[0] != lines:
                raise _FileTaken(f"another receiver took {file} for one that would not come")

    def _held_by(self, file: str) -> dict[bytes, bytes] | None:
        """Key and content of each record in a file, None if it is not there."""
        try:
            return self._held(file)
        except _NotThere:
            return None

    def _read(self, file: str) -> dict[bytes, bytes]:
        found = self._get(file)
        if found is None:
            raise _NotThere
        texts = found[0].decode().split("\n")
        records = [record_of(text, parsed(text)) for text in texts if text]
        return {record.key: record.content for record in records}

    def _put(self, key: str, body: bytes, **condition: str) -> bool:
        """Whether it was put; False if the condition does not hold."""
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, **condition)
        except ClientError as error:
            if aws.code(error) in _EXISTS:
                return False
            raise
        return True

    def _get(self, key: str) -> tuple[bytes, str, float] | None:
        """Content, tag and age in seconds by the clock of S3; None if it is not there."""
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if aws.code(error) in _MISSING:
                return None
            raise
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        return found["Body"].read(), found["ETag"], (now - found["LastModified"]).total_seconds()

    def probe(self) -> None:
        try:
            self._s3.put_object(Bucket=self._bucket, Key=f"{self._prefix}_receiver/probe", Body=b"")
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(aws.told(error)) from None

    def finish(self) -> None:
        self._pool.shutdown()


def _landed(claims: dict[bytes, bytes | None], key: bytes) -> bytes | None:
    if claims[key] == _ON_ITS_WAY:
        raise Unavailable("another receiver is landing a record of this id")
    return claims[key]


class _NotThere(Exception):
    """There is no such file yet."""


class _FileTaken(aws.Refused):
    """The file cannot bring its records any more."""


def _client() -> Any:
    """A client that gives up soon: whoever posts can try again."""
    config = Config(
        retries={"mode": "standard", "max_attempts": 3},
        max_pool_connections=_AT_ONCE,
        connect_timeout=5,
        read_timeout=20,
    )
    return boto3.client("s3", region_name=aws.region(), config=config)
