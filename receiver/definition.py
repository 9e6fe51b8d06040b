"""What a service record is, taken from the lake's own definition, and why one is refused."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import jinja2
import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, create_model, model_validator

PROJECT = Path(__file__).resolve().parents[1]
FEED = "service_records"
ID = "service_record_id"
_WHITE_SPACE = " \t\n\v\f\r"
_EXAMPLES = {
    "service_record_id": "S-1001",
    "dealership_id": "D-17",
    "vehicle_id": "V-42",
    "serviced_at": "2026-03-02T09:30:00+01:00",
    "service_type": "repair",
    "odometer_km": 48210.5,
    "failure_codes": ["P0420"],
    "parts": [{"part_code": "BRK-1", "quantity": 2, "unit_price": 19.99}],
    "labor_cost": 120,
    "currency": "EUR",
}
EXAMPLE = _EXAMPLES | {"notes": "Brake pads replaced"}


@dataclass(frozen=True)
class Reason:
    """Why a record is refused: the name that it would have in quarantined_lines, the place, and what to do."""

    reason: str
    field: str | None
    message: str


# ---------- what the project says


def _returned_by(macro: str) -> Any:
    """What a macro of macros/feeds/feeds.sql hands to dbt's `return`."""
    source = (PROJECT / "macros" / "feeds" / "feeds.sql").read_text(encoding="utf-8")
    returned: list[Any] = []
    getattr(jinja2.Environment().from_string(source, {"return": returned.append}).module, macro)()
    return returned[0]


_DEFINITION = _returned_by("feeds")[FEED]
_TIMESTAMP = re.compile(_returned_by("timestamp_pattern"), re.ASCII)


def _descriptions(model: str) -> dict[str, str]:
    """What a model's yml says of each column."""
    (path,) = (PROJECT / "models").glob(f"*/{model}.yml")
    (described,) = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
    return {column["name"]: column["description"] for column in described["columns"]}


@cache
def _currencies() -> frozenset[str]:
    with (PROJECT / "seeds" / "currencies.csv").open(encoding="utf-8", newline="") as file:
        return frozenset(row["currency"] for row in csv.DictReader(file))


# ---------- values


def is_absent(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(_WHITE_SPACE))


def text_of(value: Any) -> Any:
    """A text, or the digits of an integer that fits 64 bits; anything else as it is."""
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_integer and -(2**63) <= value < 2**63 else value


def _moment(value: Any) -> datetime:
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        raise ValueError("a timestamp is due, such as 2026-03-02T09:30:00Z or 2026-03-02T09:30:00.25+01:00")
    wall, fraction, zone = value[:19], re.search(r"\.(\d+)", value), value[-6:]
    offset = timezone.utc
    if not value.endswith("Z"):
        minutes = int(zone[1:3]) * 60 + int(zone[4:])
        offset = timezone(timedelta(minutes=-minutes if zone[0] == "-" else minutes))
    micros = int(fraction[1].ljust(6, "0")) if fraction else 0
    try:
        return datetime.fromisoformat(wall).replace(microsecond=micros, tzinfo=offset).astimezone(timezone.utc)
    except OverflowError:
        raise ValueError("the moment must lie in the years 1 to 9999, in UTC") from None


def _known_currency(value: str) -> str:
    if value not in _currencies():
        raise ValueError("an ISO 4217 code of seeds/currencies.csv is due, such as EUR")
    return value


def _text_or_none(value: Any) -> Any:
    return None if is_absent(value) else text_of(value)


class _Fields(BaseModel):
    """A JSON object whose null and blank fields are absent, and whose unknown ones are ignored."""

    @model_validator(mode="before")
    @classmethod
    def _given(cls, fields: Any) -> Any:
        if not isinstance(fields, dict):
            return fields
        return {name: value for name, value in fields.items() if not is_absent(value)}


def _model(name: str, of: dict[str, Any], described: dict[str, str], parts: dict[str, str]) -> type[BaseModel]:
    """The model of an entry of `feeds()`, or of the elements of an array in it."""
    fields: dict[str, Any] = {}
    for field, kind in of["fields"].items():
        constraints = of.get("ranges", {}).get(field, {})
        elements = of.get("elements", {}).get(field)
        if field in of.get("values", {}):
            taken: Any = Annotated[Literal[tuple(of["values"][field])], BeforeValidator(text_of)]
        elif field == "currency":
            taken = Annotated[str, BeforeValidator(text_of), AfterValidator(_known_currency)]
        elif kind == "text":
            taken = _TEXT
        elif kind == "timestamp":
            taken = Annotated[datetime, BeforeValidator(_moment)]
        elif kind == "number":
            taken = Annotated[float, Field(strict=True, allow_inf_nan=False, **constraints)]
        elif kind == "boolean":
            taken = Annotated[bool, Field(strict=True)]
        elif elements == "text":
            taken = list[Annotated[str | None, BeforeValidator(_text_or_none)]]
        else:
            taken = list[_model("Part", elements, parts, {})]
        about = {"description": described[field], "examples": [_EXAMPLES[field]] if field in _EXAMPLES else None}
        if field in of["required"]:
            fields[field] = (taken, Field(**about))
        else:
            fields[field] = (taken | None, Field(default=None, **about))
    return create_model(name, __base__=_Fields, __doc__=None, **fields)


_TEXT = Annotated[str, BeforeValidator(text_of)]
ServiceRecord = _model(
    "ServiceRecord", _DEFINITION, _descriptions("stg_service_records__lines"), _descriptions("fct_service_parts")
)


# ---------- reasons


def _order() -> Iterator[str]:
    """The reasons in the order in which the lake looks for them."""
    kinds = _DEFINITION["fields"]
    timestamps = [field for field, kind in kinds.items() if kind == "timestamp"]
    yield "not_json"
    yield from (f"missing_{field}" for field in _DEFINITION["required"])
    yield from (f"bad_{field}" for field in timestamps)
    yield from (f"bad_{field}" for field in kinds if field not in (*timestamps, *_DEFINITION["elements"]))
    yield from (f"unknown_{field}" for field in _DEFINITION["values"])
    yield from (f"out_of_range_{field}" for field in _DEFINITION["ranges"])
    yield from (f"bad_{field}" for field in _DEFINITION["elements"])
    yield from ("missing_currency", "in_the_future")


_WORDS = {
    "missing": "it is required, and absent or blank",
    "string_type": "a string or an integer of 64 bits is due",
    "float_type": "a JSON number is due, not in quotes",
    "finite_number": "a number is due that 64 bits of floating point can hold",
    "bool_type": "true or false is due",
    "list_type": "an array is due",
    "model_type": "an object is due",
    "literal_error": "it has to be {expected}",
    "greater_than": "it has to be greater than {gt:g}",
    "greater_than_equal": "it has to be {ge:g} or more",
    "less_than_equal": "it has to be {le:g} or less",
    "value_error": "{error}",
}
_RANK = {reason: rank for rank, reason in enumerate(_order())}
_PREFIX = {"missing": "missing", "literal_error": "unknown"} | dict.fromkeys(
    ("greater_than", "greater_than_equal", "less_than_equal"), "out_of_range"
)


def reasons(record: Any, landed_on: date) -> list[Reason]:
    """All reasons for which the lake would refuse a record that lands on a day, in its order; none if it would not."""
    if not isinstance(record, dict):
        return [Reason("not_json", None, "a JSON object is due")]
    found = []
    try:
        ServiceRecord.model_validate(record)
    except ValidationError as error:
        found = [_reason(one) for one in error.errors(include_url=False, include_input=False)]
    found += [reason for rule in _RULES for reason in rule(record, landed_on)]
    return sorted(found, key=lambda reason: _RANK[reason.reason])


def _reason(error: Any) -> Reason:
    field, *inside = error["loc"]
    kind = "bad" if inside else _PREFIX.get(error["type"], "bad")
    return Reason(
        f"{kind}_{field}", ".".join(map(str, error["loc"])), _WORDS[error["type"]].format(**error.get("ctx", {}))
    )


def _price_without_currency(record: dict[str, Any], landed_on: date) -> Iterator[Reason]:
    parts = record.get("parts")
    prices = [part.get("unit_price") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    if is_absent(record.get("currency")) and not all(map(is_absent, [record.get("labor_cost"), *prices])):
        yield Reason("missing_currency", "currency", "give the currency of the prices, such as EUR")


def _in_the_future(record: dict[str, Any], landed_on: date) -> Iterator[Reason]:
    end = landed_on + timedelta(2)
    for field in _DEFINITION["past"]:
        try:
            moment = _moment(record.get(field))
        except ValueError:
            continue
        if moment.date() >= end:
            yield Reason("in_the_future", field, f"the moment must lie before {end}T00:00:00Z; is the clock right?")


_RULES: tuple[Callable[[dict[str, Any], date], Iterator[Reason]], ...] = (_price_without_currency, _in_the_future)
