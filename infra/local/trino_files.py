"""Fetches Trino once, by Maven, and keeps it unpacked in a cache folder."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

VERSION = "476"
# The server without plugins and the two that are needed: name, packaging, SHA-256.
_ARTIFACTS = (
    ("trino-server-core", "tar.gz", "0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158"),
    ("trino-hive", "zip", "611bacdb07d9f3cf7b9d47f97ecc76fa2e7ff8bfe8a9728c3d06adc1bfb8662e"),
    ("trino-iceberg", "zip", "99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c"),
)


class SetupError(Exception):
    """Something that the machine lacks, with the remedy."""


def cache_folder() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ticketlake"
    return Path(os.environ.get("TICKETLAKE_CACHE") or default)


def trino_folder() -> Path:
    """The folder of an unpacked Trino; fetches it if it is not there."""
    folder = cache_folder() / f"trino-{VERSION}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open(folder.parent / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    if shutil.which("mvn") is None:
        raise SetupError(
            f"Trino {VERSION} is fetched by Maven, and there is no mvn. Install Maven (Debian: apt-get install maven)."
        )
    print(f"Fetching Trino {VERSION} into {folder.parent} (760 MB, once) …", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as temporary:
        there = Path(temporary)
        unpacked = there / "trino"
        for name, packaging, digest in _ARTIFACTS:
            archive = _fetch(there, name, packaging)
            if _sha256(archive) != digest:
                raise SetupError(f"{archive.name} is not the file that was published: its SHA-256 is not {digest}.")
            if packaging == "zip":
                plugin = name.removeprefix("trino-")
                with zipfile.ZipFile(archive) as files:
                    files.extractall(there)
                (unpacked / "plugin").mkdir(parents=True, exist_ok=True)
                (there / f"{name}-{VERSION}").rename(unpacked / "plugin" / plugin)
            else:
                with tarfile.open(archive) as files:
                    files.extractall(
                        there, members=[m for m in files if m.name.split("/")[1:2] == ["lib"]], filter="data"
                    )
                unpacked.mkdir(exist_ok=True)
                (there / f"{name}-{VERSION}" / "lib").rename(unpacked / "lib")
            archive.unlink()
        unpacked.rename(folder)


def _fetch(there: Path, name: str, packaging: str) -> Path:
    command = [
        "mvn",
        "--batch-mode",
        "--quiet",
        "--strict-checksums",
        # A repository of its own: the archives are not to stay in the user's.
        f"-Dmaven.repo.local={there / 'repository'}",
        "dependency:copy",
        f"-Dartifact=io.trino:{name}:{VERSION}:{packaging}",
        f"-DoutputDirectory={there}",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    archive = there / f"{name}-{VERSION}.{packaging}"
    if done.returncode or not archive.is_file():
        raise SetupError(f"Maven could not fetch {name} {VERSION}:\n{(done.stdout + done.stderr).strip()[-2000:]}")
    shutil.rmtree(there / "repository" / "io" / "trino", ignore_errors=True)
    return archive


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
