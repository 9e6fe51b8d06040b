"""Landings to measure on: generated once, kept, and linked into as many lakes as are built."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FEED = "ticket_updates"
OTHER_FEEDS = ("support_logs", "calls", "service_records")
# Whose lines are multiplied; what a copy has of its own.
TICKETS = 100_000
OWN = re.compile(rb'"(?:log_id|call_id|service_record_id|vehicle_id|customer_id)":"\w[^"]*')


@dataclass(frozen=True)
class Landings:
    """A raw zone of all feeds whose last day is the further one."""

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

    @classmethod
    def multiplied(cls, project, folder, lines):
        """So many lines at least of each feed besides that of tickets, before the further day.

        They are those of a hundred thousand generated tickets, and copies: each of another log, call or record, of
        another customer or vehicle, but of the same ticket. What landed late, twice or broken is so in each copy.
        """
        generated = cls.generated(project, folder, TICKETS)
        raw = folder / f"landings-{lines}-lines-{_version(project)}"
        if not (raw / "_complete").exists():
            print(f"Copying {lines:,} lines of each feed into {raw}", file=sys.stderr)
            fresh(raw)
            generated._link(raw, generated.days(), (FEED,))
            for feed in OTHER_FEEDS:
                copies = range(1, math.ceil(lines / generated.lines(feed)))
                for day in generated.days():
                    (raw / feed / day).mkdir(parents=True)
                    for file in generated._files(feed, day):
                        content = file.read_bytes()
                        with (raw / feed / day / file.name).open("wb") as target:
                            target.write(content)
                            target.writelines(OWN.sub(rb"\g<0>-%d" % copy, content) for copy in copies)
            (raw / "_complete").touch()
        return cls(raw)

    def days(self):
        return sorted({folder.name for folder in self.raw.glob("*/dt=*")})

    def land(self, lake, days):
        """Lands some of the days in the folder of a lake, without copying them."""
        self._link(Path(lake) / "raw", days, self._feeds())

    def lines(self, *feeds):
        """How many lines land before the further day, of these feeds or of all."""
        return sum(
            _line_count(file)
            for feed in feeds or self._feeds()
            for day in self.days()[:-1]
            for file in self._files(feed, day)
        )

    def _feeds(self):
        return sorted({folder.parent.name for folder in self.raw.glob("*/dt=*")})

    def _files(self, feed, day):
        return sorted((self.raw / feed / day).glob("*"))

    def _link(self, raw, days, feeds):
        for feed in feeds:
            for day in days:
                (raw / feed / day).mkdir(parents=True)
                for file in self._files(feed, day):
                    os.link(file, raw / feed / day / file.name)


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
