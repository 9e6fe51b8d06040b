"""A curated zone on S3."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError

from curated.manifest import NAME, Manifest, from_json
from curated.places import Busy, is_left_over
from infra import aws


class Bucket:
    """A put of manifest.json is the switch. Readers keep files on their machine."""

    def __init__(self, address: str, s3: Any = None):
        match = re.fullmatch(r"s3://([^/]+)(?:/(.*?))?/?", address)
        if not match:
            raise aws.Refused(f"{address} is no address of a curated zone. Write s3://BUCKET/FOLDER")
        self._address, self._bucket, self._prefix = address.rstrip("/"), match[1], f"{match[2]}/" if match[2] else ""
        self._s3 = s3 or aws.client("s3")
        self._tag: str | None = None
        cache = Path(os.environ.get("TICKETLAKE_CACHE") or Path.home() / ".cache" / "ticketlake")
        self._cache = cache / "curated" / self._bucket / self._prefix

    def __str__(self) -> str:
        return self._address

    def current(self) -> Manifest | None:
        try:
            content, self._tag = self._get(NAME)
        except FileNotFoundError:
            self._tag = None
            return None
        return from_json(content)

    def manifest(self, folder: str) -> Manifest:
        return from_json(self._get(f"{folder}/{NAME}")[0])

    def _get(self, name: str) -> tuple[bytes, str]:
        try:
            found = self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)
            return found["Body"].read(), found["ETag"]
        except self._s3.exceptions.NoSuchKey:
            raise FileNotFoundError(f"{self._address}/{name}") from None

    def local(self, path: str, size: int) -> Path:
        found = self._cache / path
        if not found.exists() or found.stat().st_size != size:
            found.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=found.parent) as folder:
                part = Path(folder) / "part"
                try:
                    self._s3.download_file(self._bucket, self._prefix + path, str(part))
                except ClientError as error:
                    if aws.code(error) in ("404", "NoSuchKey"):
                        raise FileNotFoundError(f"{self._address}/{path}") from error
                    raise
                part.replace(found)
        return found

    def forget(self, manifest: Manifest) -> None:
        for path in self._cache.glob("v*"):
            if path.name < min(manifest.folders.values()):
                shutil.rmtree(path, ignore_errors=True)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        # The switch tells: it is refused if manifest.json is not what it was when it was read.
        yield

    @contextmanager
    def writing(self, folder: str) -> Iterator[Path]:
        with TemporaryDirectory() as name:
            yield Path(name)
            for path in sorted(path for path in Path(name).rglob("*") if path.is_file()):
                self._s3.upload_file(
                    str(path),
                    self._bucket,
                    f"{self._prefix}{folder}/{path.relative_to(name).as_posix()}",
                    ExtraArgs={"ChecksumAlgorithm": "SHA256"},
                )

    def switch(self, manifest: Manifest) -> None:
        unless_changed = {"IfMatch": self._tag} if self._tag else {"IfNoneMatch": "*"}
        try:
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + NAME, Body=manifest.to_json(), **unless_changed)
        except ClientError as error:
            if aws.code(error) in ("PreconditionFailed", "ConditionalRequestConflict"):
                raise Busy(
                    f"{self._address}: another publication was faster, and readers read that one. Publish again if it "
                    "was of an older build."
                ) from error
            raise

    def clean(self, manifest: Manifest) -> None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{self._prefix}v")
        for page in pages:
            gone = [
                {"Key": found["Key"]}
                for found in page.get("Contents", [])
                if is_left_over(found["Key"].removeprefix(self._prefix).partition("/")[0], manifest)
            ]
            if gone:
                self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": gone})
