"""What a line of feed ticket_updates may hold, and what the seeds know."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from landing import Refused

FEED = "ticket_updates"
SEEDS = Path(__file__).resolve().parent.parent / "seeds"
SEVERITIES = ("P1", "P2", "P3", "P4")
BLANK = " \t\n\v\f\r"  # what texts are trimmed of
WHITE_SPACE = f"'{BLANK}'"  # as SQL

# The fields in the order in which a line gives them.
TYPES = {
    "ticket_id": pa.string(),
    "updated_at": pa.timestamp("us"),
    "created_at": pa.timestamp("us"),
    "status": pa.string(),
    "severity": pa.string(),
    "market": pa.string(),
    "source": pa.string(),
    "update_id": pa.string(),
    "sequence": pa.int64(),
    "event": pa.string(),
    "category": pa.string(),
    "channel": pa.string(),
    "product": pa.string(),
    "team": pa.string(),
    "agent_id": pa.string(),
    "customer_id": pa.string(),
    "vehicle_id": pa.string(),
    "subject": pa.string(),
    "satisfaction": pa.int64(),
    "sla_due_at": pa.timestamp("us"),
    "source_sla_breached": pa.bool_(),
    "source_sla_elapsed_minutes": pa.float64(),
    "source_first_reply_sla_breached": pa.bool_(),
    "source_first_reply_sla_elapsed_minutes": pa.float64(),
    "source_resolution_minutes": pa.float64(),
    "source_resolution_business_minutes": pa.float64(),
    "source_first_reply_minutes": pa.float64(),
    "source_first_reply_business_minutes": pa.float64(),
    "source_reopen_count": pa.int64(),
    "source_agent_reply_count": pa.int64(),
}
LISTED = ("status", "severity", "market")  # fields of which the lake lists the values that it knows
REQUIRED = ("ticket_id", "updated_at", "created_at", "status", "severity", "market")
TIMES = tuple(name for name, of_type in TYPES.items() if of_type == pa.timestamp("us"))
INTEGERS = tuple(name for name, of_type in TYPES.items() if of_type == pa.int64())

# Where an update comes from, and why its producer refuses it, before its fields. Times are in UTC.
UPDATES = pa.schema(
    [
        *(("file", pa.string()), ("line", pa.int64()), ("reason", pa.string()), ("column", pa.string())),
        *(("value", pa.string()), ("identity", pa.string())),
        *TYPES.items(),
    ]
)


@dataclass(frozen=True)
class Reference:
    """The statuses and markets that the lake accepts, and which statuses are open."""

    statuses: dict[str, bool]
    markets: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path = SEEDS) -> Reference:
        """Refused if a seed cannot be read."""
        try:
            statuses = {
                row["status"]: row["is_open"].strip().lower() == "true" for row in _rows(folder, "ticket_statuses")
            }
            return cls(statuses, tuple(row["market"] for row in _rows(folder, "markets")))
        except (OSError, KeyError, UnicodeDecodeError) as error:
            raise Refused(f"The seeds in {folder} cannot be read ({error!r}): docs/seeds.md") from None

    def known(self, field: str) -> tuple[str, ...] | None:
        """The values that a field may have, None if any."""
        return {"status": tuple(self.statuses), "severity": SEVERITIES, "market": self.markets}.get(field)


class Anything(Reference):
    """Takes every value: for proposals of the rows that the seeds lack."""

    def known(self, field: str) -> tuple[str, ...] | None:
        return None


def _rows(folder: Path, seed: str) -> list[dict[str, str]]:
    with (folder / f"{seed}.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def too_late(today: date) -> str:
    """The first moment, as SQL, that is in the future for what lands on a UTC date."""
    return f"timestamp '{today + timedelta(days=2)} 00:00:00'"


def typed(field: str, text: str) -> str:
    """SQL of a text as the type of a field that is a number or a truth value, null if it cannot be read."""
    if TYPES[field] == pa.bool_():
        return f"try_cast({text} as boolean)"
    number = f"try_cast({text} as double)"
    if TYPES[field] == pa.float64():
        return f"case when isfinite({number}) then {number} end"
    whole = f"try_cast({text} as bigint)"  # which is rounded
    return f"case when {whole} = {number} then {whole} end"


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def market_names(folder: Path = SEEDS) -> dict[str, str]:
    """What markets are called."""
    return {row["market"]: row["market_name"] for row in _rows(folder, "markets")}
