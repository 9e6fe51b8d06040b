"""Landings to measure on: generated once, kept, and linked into as many lakes as are built."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FEED = "ticket_updates"


@dataclass(frozen=True)
class Landings:
    """A raw zone whose last day is the further one."""

    raw: Path

    @classmethod
    def generated(cls, project, folder, tickets):
        """So many tickets over the generator's 300 days, and the day after."""
        raw = folder / f"landings-{tickets}-{_version(project)}"
        made = raw / "_complete"
        if not made.exists():
            print(f"Generating {tickets:,} tickets in {raw}", file=sys.stderr)
            for command in (["generate", "--count", str(tickets)], ["simulate", "--days", "1"]):
                subprocess.run(
                    [sys.executable, "-m", "generator", *command, "--output", str(raw)],
                    cwd=project,
                    check=True,
                    stdout=subprocess.DEVNULL,
                )
            made.touch()
        return cls(raw)

    def days(self):
        return sorted(folder.name for folder in (self.raw / FEED).glob("dt=*"))

    def land(self, lake, days):
        """Lands some of the days in the folder of a lake, without copying them."""
        for day in days:
            target = Path(lake) / "raw" / FEED / day
            target.mkdir(parents=True)
            for file in (self.raw / FEED / day).iterdir():
                os.link(file, target / file.name)

    def lines(self):
        files = (file for day in self.days()[:-1] for file in (self.raw / FEED / day).iterdir())
        return sum(_line_count(file) for file in files)


def fresh(folder):
    """An empty folder."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


def _line_count(file):
    with file.open("rb") as content:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: content.read(2**20), b""))


def _version(project):
    """Another generator or other seeds make other landings."""
    content = hashlib.sha256()
    for file in sorted([*(project / "generator").glob("*.*"), *(project / "seeds").glob("*.csv")]):
        content.update(file.read_bytes())
    return content.hexdigest()[:8]
