"""Why the contract refuses a line of each feed, read anew from its words."""

import csv
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache


@dataclass(frozen=True)
class Landed:
    day: date
    text: str


@dataclass(frozen=True)
class Rules:
    """`types` says what values of fields must be; `own` gives a feed's own reasons and when they apply, in order."""

    required: tuple[str, ...]
    timestamps: tuple[str, ...]
    types: dict[str, Callable]
    own: dict[str, Callable]
    dated: tuple[str, ...]


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
def rows(seeds, name):
    with open(seeds / f"{name}.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def known(seeds, name, column):
    return {row[column] for row in rows(seeds, name)}


def is_integer(value, seeds):
    return type(value) is int


def is_stars(value, seeds):
    return type(value) is int and 1 <= value <= 5


def is_number(value, seeds=None):
    return type(value) in (int, float) and math.isfinite(value)


def is_boolean(value, seeds):
    return type(value) is bool


def is_currency(value, seeds):
    return value in known(seeds, "currencies", "currency")


def is_part(part):
    return (
        isinstance(part, dict)
        and isinstance(part.get("part_code"), str)
        and is_number(part.get("quantity"))
        and part["quantity"] > 0
        and (part.get("unit_price") is None or (is_number(part["unit_price"]) and part["unit_price"] >= 0))
    )


def is_list_of(check):
    return lambda value: isinstance(value, list) and all(map(check, value))


def beyond(key, least, most=math.inf):
    return lambda given, seeds: key in given and not least <= given[key] <= most


def unknown(key, *names):
    return lambda given, seeds: given[key] not in names


SERVICE_TYPES = ("maintenance", "repair", "recall", "inspection", "warranty")


def has_price(given):
    return "labor_cost" in given or any(part.get("unit_price") is not None for part in given.get("parts", []))


def no_seed_has(key, name):
    return lambda given, seeds: given[key] not in known(seeds, name, key)


def no_such(key, check):
    return lambda given, seeds: key in given and not check(given[key])


RULES = {
    "ticket_updates": Rules(
        required=("ticket_id", "updated_at", "created_at", "status", "severity", "market"),
        timestamps=("updated_at", "created_at", "sla_due_at"),
        types={"sequence": is_integer, "satisfaction": is_stars},
        own={
            "unknown_status": no_seed_has("status", "ticket_statuses"),
            "unknown_severity": unknown("severity", "P1", "P2", "P3", "P4"),
            "unknown_market": no_seed_has("market", "markets"),
        },
        dated=("updated_at", "created_at"),
    ),
    "support_logs": Rules(
        required=("log_id", "ticket_id", "logged_at", "log_level"),
        timestamps=("logged_at",),
        types={"response_time_ms": is_number, "cpu_percent": is_number},
        own={
            "unknown_log_level": unknown("log_level", "DEBUG", "INFO", "WARN", "ERROR"),
            "out_of_range_response_time_ms": beyond("response_time_ms", 0),
            "out_of_range_cpu_percent": beyond("cpu_percent", 0, 100),
        },
        dated=("logged_at",),
    ),
    "calls": Rules(
        required=("call_id", "agent_id", "customer_id", "start_time", "end_time"),
        timestamps=("start_time", "end_time"),
        types={"rating": is_number},
        own={
            "not_positive_duration": lambda given, seeds: moment(given["end_time"]) <= moment(given["start_time"]),
            "out_of_range_rating": beyond("rating", 1, 5),
        },
        dated=(),
    ),
    "service_records": Rules(
        required=("service_record_id", "dealership_id", "vehicle_id", "serviced_at", "service_type"),
        timestamps=("serviced_at",),
        types={
            "odometer_km": is_number,
            "labor_hours": is_number,
            "labor_cost": is_number,
            "currency": is_currency,
            "is_warranty": is_boolean,
        },
        own={
            "unknown_service_type": unknown("service_type", *SERVICE_TYPES),
            "out_of_range_odometer_km": beyond("odometer_km", 0),
            "out_of_range_labor_hours": beyond("labor_hours", 0),
            "out_of_range_labor_cost": beyond("labor_cost", 0),
            "bad_parts": no_such("parts", is_list_of(is_part)),
            "bad_failure_codes": no_such("failure_codes", is_list_of(lambda code: isinstance(code, str))),
            "missing_currency": lambda given, seeds: has_price(given) and "currency" not in given,
        },
        dated=("serviced_at",),
    ),
}


def reasons(feed):
    """All reasons for which a line of the feed can be refused."""
    rules = RULES[feed]
    return {
        "not_json",
        *(f"missing_{key}" for key in rules.required),
        *(f"bad_{key}" for key in (*rules.timestamps, *rules.types)),
        *rules.own,
        *(["in_the_future"] if rules.dated else []),
    }


def reason_to_refuse(feed, line, seeds):
    """Why the contract refuses a line, None if it does not."""
    rules = RULES[feed]
    try:
        content = json.loads(line.text, parse_constant=_no_constant)
    except ValueError:
        return "not_json"
    if not isinstance(content, dict):
        return "not_json"
    given = {key: value for key, value in content.items() if value is not None and str(value).strip()}
    for key in rules.required:
        if key not in given:
            return f"missing_{key}"
    for key in rules.timestamps:
        try:
            moment(given.get(key, "2026-01-01T00:00:00Z"))
        except ValueError:
            return f"bad_{key}"
    for key, is_right in rules.types.items():
        if key in given and not is_right(given[key], seeds):
            return f"bad_{key}"
    for reason, applies in rules.own.items():
        if applies(given, seeds):
            return reason
    end = datetime.combine(line.day + timedelta(days=2), datetime.min.time(), timezone.utc)
    return "in_the_future" if any(moment(given[key]) >= end for key in rules.dated) else None


def _no_constant(name):
    raise ValueError(name)
