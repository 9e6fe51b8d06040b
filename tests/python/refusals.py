"""Why the contract refuses a line; of a ticket it is read here from its words, of other feeds in expected_feeds."""

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path

from expected_feeds import judged
from lakes import seed_rows

MODELS = Path(__file__).resolve().parents[2] / "models"


@dataclass(frozen=True)
class Landed:
    day: date
    text: str


def moment(value):
    """A moment in UTC; ValueError if the value is not what the contract calls a timestamp."""
    if not isinstance(value, str) or not re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)", value
    ):
        raise ValueError(value)
    wall, fraction, zone = re.fullmatch(r"(.{19})(?:\.(\d+))?(.+)", value).groups()
    local = datetime.fromisoformat(wall).replace(microsecond=int((fraction or "0").ljust(6, "0")), tzinfo=timezone.utc)
    if zone == "Z":
        return local
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
    return local + offset if zone[0] == "-" else local - offset


@cache
def known(seeds, name, column):
    return {row[column] for row in seed_rows(name, seeds)}


REQUIRED = ("ticket_id", "updated_at", "created_at", "status", "severity", "market")
TIMESTAMPS = ("updated_at", "created_at", "sla_due_at")


def reasons(feed):
    """All reasons for which a line of the feed can be refused, as staging names them."""
    documented = (MODELS / "staging" / f"stg_{feed}__lines.yml").read_text(encoding="utf-8")
    return set(re.findall(r"'(\w+)'", re.search(r"\breason in \((.*?)\)", documented, re.DOTALL)[1]))


def reason_to_refuse(feed, line, seeds):
    """Why the contract refuses a line, None if it does not."""
    if feed != "ticket_updates":
        return judged(feed, line.text, line.day, known(seeds, "currencies", "currency"))[0]
    try:
        content = json.loads(line.text, parse_constant=_no_constant)
    except ValueError:
        return "not_json"
    if not isinstance(content, dict):
        return "not_json"
    given = {key: value for key, value in content.items() if value is not None and str(value).strip()}
    for key in REQUIRED:
        if key not in given:
            return f"missing_{key}"
    for key in TIMESTAMPS:
        try:
            moment(given.get(key, "2026-01-01T00:00:00Z"))
        except ValueError:
            return f"bad_{key}"
    if type(given.get("sequence", 0)) is not int:
        return "bad_sequence"
    if type(given.get("satisfaction", 1)) is not int or not 1 <= given.get("satisfaction", 1) <= 5:
        return "bad_satisfaction"
    if given["status"] not in known(seeds, "ticket_statuses", "status"):
        return "unknown_status"
    if given["severity"] not in ("P1", "P2", "P3", "P4"):
        return "unknown_severity"
    if given["market"] not in known(seeds, "markets", "market"):
        return "unknown_market"
    end = datetime.combine(line.day + timedelta(days=2), datetime.min.time(), timezone.utc)
    return "in_the_future" if max(moment(given["updated_at"]), moment(given["created_at"])) >= end else None


def _no_constant(name):
    raise ValueError(name)
