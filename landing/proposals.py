"""Rows that the seeds lack for a source: printed, or added to seeds, of which no row is ever changed."""

from __future__ import annotations

import csv
import io
import re
import sys
import unicodedata
from pathlib import Path

from landing import Refused, counted
from landing.ledger import write_whole

# The columns of each seed that may be proposed, in the order in which they need each other, and how many are its key.
SEEDS = {
    "ticket_statuses": (("status", "phase", "is_open", "clock_runs"), 1),
    "calendars": (("calendar", "timezone"), 1),
    "markets": (("market", "market_name", "calendar"), 1),
    "business_hours": (("calendar", "iso_weekday", "opens_at", "closes_at"), 3),
    "holidays": (("calendar", "holiday", "holiday_name"), 2),
    "sla_policies": (
        (
            *("policy", "source", "market", "category", "severity", "metric"),
            "target_minutes",
            "hours",
            "valid_from",
            "valid_to",
        ),
        1,
    ),
    "agents": (("agent_id", "agent_name", "region", "team"), 1),
}


class Proposals:
    """The rows proposed, beside what the seeds in a folder have. Refused if a seed cannot be read."""

    def __init__(self, folder: Path):
        self._folder, self.remarks = folder, []
        self._rows: dict[str, dict[tuple, dict[str, str]]] = {seed: {} for seed in SEEDS}
        self._there = {seed: _read(folder / f"{seed}.csv", seed) for seed in SEEDS}

    def has(self, seed: str, key: str) -> bool:
        """Whether a row is there or proposed, by the first column of its key."""
        return any(one[0] == key for one in (*self._there[seed], *self._rows[seed]))

    def add(self, seed: str, **values: object) -> None:
        """Proposes a row, unless one with its key is there: that one stays."""
        columns, _ = SEEDS[seed]
        row = {column: "" if values.get(column) is None else str(values[column]) for column in columns}
        key = _key(seed, row)
        if seed == "business_hours" and any(one[0] == row["calendar"] for one in self._there["calendars"]):
            return  # the hours of a calendar that is there are its user's
        there = self._there[seed].get(key)
        if there is None:
            self._rows[seed].setdefault(key, row)
            return
        different = [
            f"{column} {there.get(column)!r}, not {row[column]!r}"
            for column in columns
            if there.get(column) != row[column]
        ]
        if different:
            self.remarks.append(f"{seed}: {', '.join(key)} stays as it is: {'; '.join(different)}")

    def add_always_open(self, calendar: str, timezone: str) -> None:
        """Proposes a calendar that is never shut, unless one of its name is there."""
        if not self.has("calendars", calendar):
            self.add("calendars", calendar=calendar, timezone=timezone)
            for iso_weekday in range(1, 8):
                self.add(
                    "business_hours", calendar=calendar, iso_weekday=iso_weekday, opens_at="00:00", closes_at="24:00"
                )

    def remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)

    def tell(self, to: Path | None) -> None:
        """Prints what is proposed, or adds it to the seeds in a folder; remarks go to standard error."""
        for remark in self.remarks:
            print(remark, file=sys.stderr)
        print(self.write(to) if to else self.text(), end="")

    def text(self) -> str:
        """What is proposed, as parts of seeds."""
        parts = [f"# {seed}.csv\n{_csv(seed, rows.values(), True)}" for seed, rows in self._rows.items() if rows]
        return "\n".join(parts) or "The seeds have all rows that are needed.\n"

    def write(self, folder: Path) -> str:
        """Adds what is proposed to the seeds in a folder, behind what they have."""
        told = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Calendars last: one that is there counts as complete.
            for seed in sorted(self._rows, key="calendars".__eq__):
                path, rows = folder / f"{seed}.csv", self._rows[seed]
                there = _read(path, seed)
                new = [row for key, row in rows.items() if key not in there]
                if new:
                    _append(path, _csv(seed, new, not path.exists()))
                    told.append(f"{path}: {counted(len(new), 'row')} added\n")
        except OSError as error:
            raise Refused(f"{folder} cannot be written: {error}") from None
        return "".join(told) or "The seeds have all rows that are needed.\n"


def slug(text: str) -> str:
    """A name as the seeds write theirs: lower-case letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_") or "unnamed"


def _key(seed: str, row: dict[str, str]) -> tuple[str, ...]:
    columns, length = SEEDS[seed]
    return tuple(row[column] for column in columns[:length])


def _read(path: Path, seed: str) -> dict[tuple, dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = set(SEEDS[seed][0]) - set(reader.fieldnames or ())
            if missing:
                raise Refused(f"{path} has no {', '.join(sorted(missing))}: docs/seeds.md says which columns it has.")
            return {_key(seed, row): row for row in reader}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Refused(f"{path} cannot be read: {error}") from None


def _csv(seed: str, rows, header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, SEEDS[seed][0], lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _append(path: Path, text: str) -> None:
    """Whole or not at all."""
    before = path.read_bytes() if path.exists() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    write_whole(path, before + text.encode())
