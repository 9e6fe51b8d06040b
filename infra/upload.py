"""python -m infra.upload FOLDER: puts landed files into the raw zone on S3, each once and whole."""

from __future__ import annotations

import argparse
import base64
import hashlib
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra import aws

# What dbt reads: other files of the folder stay where they are.
_LANDING = re.compile(r"[^/_.][^/]*/dt=(\d{4}-\d{2}-\d{2})/[^/_.][^/]*\.jsonl(\.gz)?")
_MAX_BYTES = 5 * 1024**3
_AT_ONCE = 8
_SHOWN = 10


@dataclass(frozen=True)
class Object:
    """What is there. Its tag is the md5 of its content, unless it came in parts or is encrypted with a key."""

    size: int
    tag: str


class Landing:
    """A file that has landed, by its path in the raw zone."""

    def __init__(self, folder: Path, path: Path):
        self.path = path
        self.name = path.relative_to(folder).as_posix()
        self.size = path.stat().st_size

    @cached_property
    def md5(self) -> bytes:
        with self.path.open("rb") as file:
            return _md5(iter(partial(file.read, 1024 * 1024), b""))


def _md5(parts: Iterator[bytes]) -> bytes:
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(part)
    return digest.digest()


def landings(folder: Path) -> list[Landing]:
    found = []
    for path in sorted(folder.glob("*/dt=*/*")):
        match = _LANDING.fullmatch(path.relative_to(folder).as_posix())
        if match and _is_date(match[1]) and path.is_file():
            found.append(Landing(folder, path))
    return found


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


class Raw:
    """A raw zone on S3."""

    def __init__(self, address: str, s3: Any = None):
        match = re.fullmatch(r"s3://([^/]+)(?:/(.*?))?/?", address)
        if not match:
            raise aws.Refused(f"TICKETLAKE_RAW is {address}, and has to be s3://BUCKET/FOLDER: `make deploy` prints it")
        self.bucket, self.prefix = match[1], f"{match[2]}/" if match[2] else ""
        self.s3 = s3 or aws.client("s3")

    def objects(self) -> dict[str, Object]:
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
            return {
                found["Key"].removeprefix(self.prefix): Object(found["Size"], found["ETag"].strip('"'))
                for page in pages
                for found in page.get("Contents", [])
            }
        except ClientError as error:
            if aws.code(error) == "NoSuchBucket":
                raise aws.Refused(
                    f"There is no bucket {self.bucket}. TICKETLAKE_RAW has to be what `make deploy` printed."
                ) from error
            raise

    def holds(self, landing: Landing, found: Object | None) -> bool:
        """Whether an object is what the file is. One whose tag is no md5 has to be read for it."""
        if found is None or found.size != landing.size:
            return False
        if found.tag == landing.md5.hex():
            return True
        try:
            body = self.s3.get_object(Bucket=self.bucket, Key=self.prefix + landing.name)["Body"]
        except ClientError as error:
            if aws.is_denied(error):
                return False
            raise
        return _md5(body.iter_chunks(1024 * 1024)) == landing.md5

    def put(self, landing: Landing) -> None:
        """Puts a file there unless something is. S3 takes all of it or nothing, and refuses what is not of this md5."""
        if landing.size > _MAX_BYTES:
            raise aws.Refused(
                f"{landing.path} has more than 5 GiB, too much for S3 in one piece. Split or compress it."
            )
        try:
            with landing.path.open("rb") as file:
                self.s3.put_object(
                    Bucket=self.bucket,
                    Key=self.prefix + landing.name,
                    Body=file,
                    ContentMD5=base64.b64encode(landing.md5).decode(),
                    IfNoneMatch="*",
                )
        except ClientError as error:
            if aws.code(error) in ("BadDigest", "InvalidDigest"):
                raise aws.Refused(
                    f"{landing.path} changed while it was read. Upload again once it is whole."
                ) from error
            # Another upload was faster: what it has put there is looked at with all the rest.
            if aws.code(error) not in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise


@dataclass
class Outcome:
    uploaded: list[Landing]
    present: list[Landing]
    differing: list[Landing]


def upload(folder: Path, raw: Raw) -> Outcome:
    """Puts there what is missing, then looks again at all that it has put there."""
    before = raw.objects()
    files = landings(folder)
    missing = [landing for landing in files if landing.name not in before]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(raw.put, missing):
            pass
        there = before | (raw.objects() if missing else {})
        held = list(pool.map(lambda landing: raw.holds(landing, there.get(landing.name)), files))
    outcome = Outcome([], [], [])
    for landing, is_held in zip(files, held, strict=True):
        group = outcome.differing if not is_held else outcome.present if landing.name in before else outcome.uploaded
        group.append(landing)
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.upload", description=__doc__.split(": ")[1])
    parser.add_argument(
        "folder", type=Path, help="the raw zone on this machine: FOLDER/FEED/dt=YYYY-MM-DD/*.jsonl[.gz]"
    )
    folder = parser.parse_args().folder
    raw = Raw(aws.setting("TICKETLAKE_RAW"))
    outcome = upload(folder, raw)
    if not outcome.uploaded + outcome.present + outcome.differing:
        raise aws.Refused(
            f"{folder} holds no landings, FEED/dt=YYYY-MM-DD/*.jsonl or *.jsonl.gz. Set LAKE to its parent."
        )
    for landing in outcome.differing[:_SHOWN]:
        print(f"s3://{raw.bucket}/{raw.prefix}{landing.name} differs from {landing.path}", file=sys.stderr)
    print(
        f"{folder} to s3://{raw.bucket}/{raw.prefix}: {len(outcome.uploaded):,} uploaded, "
        f"{len(outcome.present):,} already there, {len(outcome.differing):,} differing"
    )
    if outcome.differing:
        print(
            "A landed file never changes, so those that differ were left as they are. Land changed lines as a further "
            "file of the day on which they arrived.",
            file=sys.stderr,
        )
    return 1 if outcome.differing else 0


if __name__ == "__main__":
    aws.run(main)
