"""The project's seeds, as far as the generator needs them."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from generator.calendars import DAY, Calendar
from generator.errors import GeneratorError

PROJECT_SEEDS = Path(__file__).resolve().parent.parent / "seeds"
COLUMNS = {
    "ticket_statuses": ("status", "phase", "is_open", "clock_runs"),
    "markets": ("market", "calendar"),
    "calendars": ("calendar", "timezone"),
    "business_hours": ("calendar", "iso_weekday", "opens_at", "closes_at"),
    "holidays": ("calendar", "holiday"),
    "agents": ("agent_id", "region", "team"),
    "parts": ("part_code", "part_name", "system", "unit_price_eur"),
    "failure_codes": ("failure_code", "failure_name", "system"),
}
MAY_BE_ABSENT = {"agents"}
MAY_BE_BORROWED = ("parts", "failure_codes")  # from the project
MAY_BE_EMPTY = {"agents", "business_hours", "holidays"}
INVENTED_TEAMS = {"tier1": 3, "tier2": 2, "field": 1, "billing": 1}

Rows = Mapping[str, list[dict[str, str]]]


@dataclass(frozen=True)
class Statuses:
    """The status that plays each part in a ticket's life; parts share one where the seed has fewer."""

    new: str
    open: str
    escalated: str
    pending: str
    on_hold: str
    resolved: str
    closed: str
    cancelled: str


@dataclass(frozen=True)
class Agent:
    agent_id: str
    region: str
    team: str


@dataclass(frozen=True)
class Part:
    part_code: str
    part_name: str
    system: str
    cents: int  # of euro


@dataclass(frozen=True)
class Failure:
    failure_code: str
    failure_name: str
    system: str


@dataclass(frozen=True)
class Seeds:
    """What the seeds say. `calendars` runs parallel to `markets`; none of the others is ever empty."""

    markets: tuple[str, ...]
    calendars: tuple[Calendar, ...]
    known_statuses: frozenset[str]
    statuses: Statuses
    agents: tuple[Agent, ...]
    parts: tuple[Part, ...]
    failures: tuple[Failure, ...]

    @property
    def teams(self) -> tuple[str, ...]:
        return tuple(sorted({agent.team for agent in self.agents}))

    def agents_of(self, market: str) -> list[int]:
        """Indices of the agents who serve a market; those of a region that is no market serve all of them."""
        markets = set(self.markets)
        serving = [n for n, agent in enumerate(self.agents) if agent.region == market or agent.region not in markets]
        return serving or list(range(len(self.agents)))


def read_rows(folder: Path) -> Rows:
    """The rows of each seed in `folder`, with the columns of `COLUMNS` only; without agents.csv, no "agents".

    Those of `borrowed` are the project's.
    """
    if not folder.is_dir():
        raise GeneratorError(
            f"--seeds {folder}: there is no such folder; name the one that holds markets.csv and the other seeds"
        )
    rows, lent = {}, borrowed(folder)
    for name, columns in COLUMNS.items():
        path = (PROJECT_SEEDS if name in lent else folder) / f"{name}.csv"
        if name in MAY_BE_ABSENT and not path.exists():
            continue
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                missing = [column for column in columns if column not in (reader.fieldnames or [])]
                rows[name] = (
                    [] if missing else [{column: (row[column] or "").strip() for column in columns} for row in reader]
                )
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise GeneratorError(
                f"{path} cannot be read ({error}); --seeds must name a folder with this seed"
            ) from None
        if missing:
            raise GeneratorError(f"{path} has no column {', '.join(missing)}; it needs {', '.join(columns)}")
        if not rows[name] and name not in MAY_BE_EMPTY:
            raise GeneratorError(f"{path} has no rows; the generator needs at least one")
    return rows


def borrowed(folder: Path) -> list[str]:
    """The seeds that `folder` lacks and the project's are taken for."""
    return [name for name in MAY_BE_BORROWED if not (folder / f"{name}.csv").exists()]


def completed(rows: Rows) -> Rows:
    """Rows that were kept when fewer seeds were read, and the project's for the seeds that are read now."""
    if all(name in rows for name in MAY_BE_BORROWED):
        return rows
    of_project = read_rows(PROJECT_SEEDS)
    return {name: rows.get(name, of_project[name]) for name in COLUMNS if name in rows or name in MAY_BE_BORROWED}


def understand(rows: Rows) -> Seeds:
    """Seeds from their rows; raises GeneratorError where these do not fit together."""
    calendars = _calendars(rows)
    markets = {}
    for row in rows["markets"]:
        if row["calendar"] not in calendars:
            raise GeneratorError(
                f"markets.csv: market {row['market']} has calendar {row['calendar']!r}, not in calendars.csv; add it"
            )
        markets[row["market"]] = calendars[row["calendar"]]
    agents = tuple(
        Agent(row["agent_id"], row["region"], row["team"] or "support")
        for row in rows.get("agents", ())
        if row["agent_id"]
    )
    return Seeds(
        markets=tuple(markets),
        calendars=tuple(markets.values()),
        known_statuses=frozenset(row["status"] for row in rows["ticket_statuses"]),
        statuses=_statuses(rows["ticket_statuses"]),
        agents=agents or _invented_agents(markets),
        parts=tuple(Part(row["part_code"], row["part_name"], row["system"], _cents(row)) for row in rows["parts"]),
        failures=tuple(Failure(**row) for row in rows["failure_codes"]),
    )


def _calendars(rows: Rows) -> dict[str, Calendar]:
    hours: dict[str, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows["business_hours"]:
        try:
            weekday, span = int(row["iso_weekday"]), (_second_of_day(row["opens_at"]), _second_of_day(row["closes_at"]))
        except ValueError:
            weekday, span = 0, (0, 0)
        if not 1 <= weekday <= 7 or not 0 <= span[0] < span[1] <= DAY:
            raise GeneratorError(
                f"business_hours.csv: {row} is no span of a day; give a weekday 1 to 7, and times from 00:00 to 24:00"
            )
        hours[row["calendar"]][weekday].append(span)
    holidays = defaultdict(set)
    for row in rows["holidays"]:
        try:
            holidays[row["calendar"]].add(date.fromisoformat(row["holiday"]))
        except ValueError:
            raise GeneratorError(f"holidays.csv: {row['holiday']!r} is no date; write it as 2026-12-25") from None
    return {
        row["calendar"]: Calendar(
            row["calendar"],
            _zone(row),
            {day: sorted(spans) for day, spans in hours[row["calendar"]].items()},
            frozenset(holidays[row["calendar"]]),
        )
        for row in rows["calendars"]
    }


def _zone(row: dict[str, str]) -> ZoneInfo:
    try:
        return ZoneInfo(row["timezone"])
    except (KeyError, ValueError, OSError):
        raise GeneratorError(
            f"calendars.csv: no time zone data for {row['timezone']!r} of calendar {row['calendar']}; "
            "correct the name, or run `pip install tzdata` if this machine has no such data"
        ) from None


def _cents(row: dict[str, str]) -> int:
    if not re.fullmatch(r"\d{1,6}(\.\d\d?)?", row["unit_price_eur"], re.ASCII):
        raise GeneratorError(
            f"parts.csv: unit_price_eur of {row['part_code']} is {row['unit_price_eur']!r}; write euros, such as 12.50"
        )
    euros, _, cents = row["unit_price_eur"].partition(".")
    return int(euros) * 100 + int(cents.ljust(2, "0"))


def _second_of_day(text: str) -> int:
    hour, minute, second = (int(part) for part in (text + ":00:00").split(":")[:3])
    return hour * 3600 + minute * 60 + second


def _is_true(text: str) -> bool:
    return text.lower() in ("true", "t", "yes", "y", "1")


def _statuses(rows: list[dict[str, str]]) -> Statuses:
    traits = {row["status"]: (_is_true(row["is_open"]), _is_true(row["clock_runs"]), row["phase"]) for row in rows}
    opened = [status for status, (is_open, _, _) in traits.items() if is_open]
    done = [status for status in traits if status not in opened]
    if not opened or not done:
        raise GeneratorError(
            "ticket_statuses.csv: a ticket's life needs at least one status that is open and one that is not"
        )

    def choose(part: str, *groups: list[str]) -> str:
        """The status called like the part, if a group has it; else the first one of all groups."""
        return next((part for group in groups if part in group), None) or next(group[0] for group in groups if group)

    working = [status for status in opened if traits[status][1:] == (True, "working")] or opened
    paused = [status for status in opened if not traits[status][1]]
    held = [status for status in opened if traits[status][2] == "on_hold"]
    new = choose("new", working)
    later = [status for status in working if status != new] or working
    resolved = choose("resolved", done)
    after = [status for status in done if status != resolved] or done
    return Statuses(
        new=new,
        open=choose("open", later),
        escalated=choose("escalated", later),
        pending=choose("pending", paused, later),
        on_hold=choose("on_hold", held, paused, later),
        resolved=resolved,
        closed=choose("closed", after),
        cancelled=choose("cancelled", after),
    )


def _invented_agents(markets: Mapping[str, Calendar]) -> tuple[Agent, ...]:
    teams = [team for team, size in INVENTED_TEAMS.items() for _ in range(size)]
    return tuple(
        Agent(f"{market.lower()}-{n:02}", market, team) for market in markets for n, team in enumerate(teams, 1)
    )
