"""Records of JSON files, made into a row for each update, which a mapping then reads like the rows of a CSV file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from landing import Refused, reading
from landing.contract import Reference
from landing.files import Files
from landing.mapping import meant
from landing.overlay import Overlaid

ROWS = 20_000  # of a piece, about
Row = dict[str, "str | None"]
# A JSON value of a file, the line on which it begins, and whether it is a record or what a page says beside them.
Found = tuple[int, bool, Any]
_BLANK = " \t\n\r"


class Records(Files):
    """Tickets of JSON files, whose rows a product makes: (line, row, share) of each update of the tickets of a file."""

    def __init__(
        self,
        paths: list[Path],
        overlaid: Overlaid,
        reference: Reference,
        rows: Callable[[Path], Iterator[tuple[int, Row, float]]],
        columns: set[str],
    ):
        super().__init__("csv", paths, overlaid.mapping, reference)
        self._own, self._make, self._columns = overlaid.own, rows, columns
        self._made: dict[Path, list[reading.Piece]] = {}

    def _headers(self) -> list[str]:
        return [
            f"{one.place}: no record has {one.column!r}.{meant(one.column, tuple(sorted(self._columns)))}"
            for one in self._fields.values()
            if one.name in self._own and one.column is not None and one.column not in self._columns
        ]

    def _pieces(self, path: Path) -> Iterator[reading.Piece]:
        """The rows of a file, made for the check and kept for the landing."""
        if path not in self._made:
            self._made[path] = list(self._new_pieces(path))
        yield from self._made[path]

    def _new_pieces(self, path: Path) -> Iterator[reading.Piece]:
        lines, rows, share = [], [], 0.0
        for line, row, share in self._make(path):
            lines.append(line)
            rows.append(row)
            if len(rows) >= ROWS:
                yield self._piece(lines, rows, share)
                lines, rows = [], []
        yield self._piece(lines, rows, 1.0)

    def _piece(self, lines: list[int], rows: list[Row], share: float) -> reading.Piece:
        columns = self._mapping.columns
        cells = [pa.array([row.get(column) for row in rows], pa.string()) for column in columns]
        return reading.Piece(reading.numbered(np.array(lines, np.int64), cells, columns), share)


def is_json(path: Path) -> bool:
    """Whether a file begins like JSON."""
    with reading.Source(path) as source:
        return source.read()[:1024].lstrip()[:1] in (b"{", b"[")


def found_in(path: Path, wrappers: tuple[str, ...]) -> Iterator[Found]:
    """The records of a file: those below a wrapping key, those of an array, or JSON values one after another."""
    text = reading.whole(path)
    try:
        yield from _Walk(text, wrappers).values()
    except json.JSONDecodeError as error:
        raise Refused(f"{path}, line {error.lineno:,}: this is no JSON ({error.msg}).") from None


class _Walk:
    def __init__(self, text: str, wrappers: tuple[str, ...]):
        self._text, self._wrappers, self._at = text, wrappers, 0
        self._decode = json.JSONDecoder().raw_decode
        self._line, self._counted = 1, 0

    def values(self) -> Iterator[Found]:
        while self._peek():
            if self._peek() == "[":
                yield from self._array()
            elif self._peek() == "{":
                yield from self._object()
            else:
                yield self._here(), False, self._value()

    def _peek(self) -> str:
        """The next character that is not blank, none at the end."""
        while self._text[self._at : self._at + 1] and self._text[self._at] in _BLANK:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _value(self) -> Any:
        self._peek()
        value, self._at = self._decode(self._text, self._at)
        return value

    def _here(self) -> int:
        self._peek()
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _next(self, end: str) -> bool:
        """Passes over a comma; false at the end, which is passed over as well."""
        character = self._peek()
        if character not in (",", end) or not character:
            raise json.JSONDecodeError(f"Expecting ',' or '{end}'", self._text, self._at)
        self._at += 1
        return character == ","

    def _array(self) -> Iterator[Found]:
        self._at += 1
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            yield self._here(), True, self._value()
            if not self._next("]"):
                return

    def _object(self) -> Iterator[Found]:
        line, members, is_page = self._here(), {}, False
        self._at += 1
        if self._peek() == "}":
            self._at += 1
            return
        while True:
            key = self._value()
            if self._peek() != ":":
                raise json.JSONDecodeError("Expecting ':'", self._text, self._at)
            self._at += 1
            if key in self._wrappers and self._peek() in ("[", "{"):
                is_page = True
                if self._peek() == "[":
                    yield from self._array()
                else:
                    yield self._here(), True, self._value()
            else:
                members[key] = self._value()
            if not self._next("}"):
                yield line, not is_page, members
                return
