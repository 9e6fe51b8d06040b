"""From the bytes of a request to the records that stand in it, each with its line."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import date
from json.decoder import WHITESPACE
from typing import Any

from receiver.definition import ID, Reason, reasons, text_of

MOST = 1000
_DEEPEST = 100
# An integer that is longer than any of 64 bits is a number like one with a fraction; int() refuses the longest.
_LONGEST_INTEGER = 20
_HALF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")


class NotReadable(Exception):
    """The body is no JSON that a lake can read, and where."""


class TooMany(Exception):
    """More records than a request may bring."""


class Broken(Exception):
    """Records that break rules: for each its place and the reasons."""

    def __init__(self, found: list[tuple[int, Reason]]):
        super().__init__(found)
        self.found = found


@dataclass(frozen=True)
class Record:
    """A record to land. Two with the same key share their id; with the same content, they say the same."""

    id: str
    line: bytes
    key: bytes
    content: bytes


def records(body: bytes, landing_on: date) -> tuple[bool, list[Record]]:
    """Whether the body is an array, and the records in it, all of them good. Raises what is above."""
    is_batch, elements = _elements(body)
    given = [(index, value, reasons(value, landing_on)) for index, (_, value) in enumerate(elements)]
    if broken := [(index, reason) for index, _, found in given for reason in found]:
        raise Broken(broken)
    return is_batch, [record_of(text, value) for text, value in elements]


def record_of(text: str, value: dict[str, Any]) -> Record:
    """A good record by its text and the value of it. A line end can stand between the tokens of JSON only."""
    name = text_of(value[ID])
    line = text.replace("\r", " ").replace("\n", " ").encode() + b"\n"
    return Record(name, line, digest(name), digest(_canonical(value)))


def digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


def parsed(text: str) -> Any:
    """The value of a text that is JSON as a whole; NotReadable otherwise."""
    value, end = _value(text, WHITESPACE.match(text, 0).end())
    _ended(text, end)
    return value


def _elements(body: bytes) -> tuple[bool, list[tuple[str, Any]]]:
    """Whether the body is an array, and the text and the value of each element, or of the one object."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NotReadable(f"byte {error.start} is not UTF-8") from None
    start = WHITESPACE.match(text, 0).end()
    if not text.startswith("[", start):
        return False, [(text.strip(), parsed(text))]
    found: list[tuple[str, Any]] = []
    at = WHITESPACE.match(text, start + 1).end()
    if text.startswith("]", at):
        raise NotReadable("the array is empty; give 1 to 1,000 records")
    while True:
        value, end = _value(text, at)
        found.append((text[at:end], value))
        if len(found) > MOST:
            raise TooMany
        at = WHITESPACE.match(text, end).end()
        if text.startswith("]", at):
            _ended(text, at + 1)
            return True, found
        if not text.startswith(",", at):
            raise NotReadable(f"character {at}: a comma or ] is due")
        at = WHITESPACE.match(text, at + 1).end()


def _value(text: str, at: int) -> tuple[Any, int]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise NotReadable(f"character {error.pos}: {error.msg}") from None
    except RecursionError:
        raise _too_deep() from None
    _demand_readable(text[at:end], value)
    return value, end


def _ended(text: str, end: int) -> None:
    if WHITESPACE.match(text, end).end() != len(text):
        raise NotReadable(f"character {end}: something follows the JSON")


def _demand_readable(text: str, value: Any) -> None:
    """Refuses what JSON allows and engines read in different ways."""
    # It is no deeper than it has openings, which spares most the walk.
    if text.count("[") + text.count("{") > _DEEPEST:
        level, depth = [value], 0
        while level := [item for outer in level if isinstance(outer, dict | list) for item in _items(outer)]:
            depth += 1
            if depth > _DEEPEST:
                raise _too_deep()
    if _HALF_A_PAIR.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise NotReadable("half a surrogate pair stands in a string") from None


def _items(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _too_deep() -> NotReadable:
    return NotReadable(f"arrays and objects stand more than {_DEEPEST} deep in one another")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise NotReadable(f"the key {json.dumps(twice)} stands twice in an object")
    return found


def _integer(digits: str) -> int | float:
    """-0 is a number, too, but which digits would it be as a text?"""
    return int(digits) if len(digits) <= _LONGEST_INTEGER and digits != "-0" else float(digits)


def _constant(name: str) -> Any:
    raise NotReadable(f"{name} is no JSON")


def _canonical(value: Any) -> str:
    """The same text for values that are the same JSON: members in any order, 1 and 1.0."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
