"""Lines that the lake refuses, made by breaking good ones."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from generator.calendars import day_of
from generator.draws import Draws
from generator.text import characters

NO_TIMESTAMPS = (
    '"2026-02-30T10:00:00Z"',
    '"2026-03-01 10:00:00Z"',
    '"2026-03-01T10:00:00"',
    '"2026-03-01T24:00:00Z"',
    '"01.03.2026 10:00"',
    "1772359200",
)
NO_INTEGERS = ('"1"', "1.5", "1e3", "true")
NO_NUMBERS = ('"2"', '"n/a"', "true", "1e400", "[2]")
VALUE = r'(?:"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|true|false|\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])'  # of a member


@dataclass(frozen=True)
class Defect:
    """A way to break lines so that they are refused for `reason`.

    `edits` are regular expressions, in which ^ and $ are the ends of a line, and what replaces their matches.
    """

    reason: str
    edits: tuple[tuple[str, str], ...]


def without(key: str) -> tuple[str, str]:
    """The edit that removes a member, unless its value holds an array in an array or an object in an object."""
    member = f'"{key}":{VALUE}'
    return rf"(\{{){member},|,{member}", r"\1"


def instead(reason: str, key: str, values: Iterable[str]) -> list[Defect]:
    """Lines that have one of the values (JSON text) at `key`."""
    return [Defect(reason, (without(key), (r"\}$", f',"{key}":{value}}}'))) for value in values]


def missing(key: str) -> list[Defect]:
    """Lines in which `key` is absent, or counts as absent."""
    return [Defect(f"missing_{key}", (without(key),)), *instead(f"missing_{key}", key, ("null", '""', '"  "'))]


def in_the_future(key: str, day: int) -> list[Defect]:
    """Lines landing on a day (its number) that tell of a moment which has not come."""
    return instead("in_the_future", key, [f'"{day_of(day + ahead)}T00:00:00Z"' for ahead in (2, 30)])


def not_json() -> list[Defect]:
    """Lines that are no JSON object; they need a member besides the first."""
    return [
        Defect("not_json", ((r'(,"[a-z_]+":).*', r"\1"),)),
        Defect("not_json", ((r"\}$", ",}"),)),
        Defect("not_json", ((r"\}$", ',"score":NaN}'),)),
        Defect("not_json", (('"', "'"),)),
        Defect("not_json", ((r"^(.+)$", r"[\1]"),)),
        Defect("not_json", ((r"^.+$", "upstream connect error or disconnect/reset before headers"),)),
    ]


def broken(lines: pa.StringArray, defects: Sequence[Defect], share: float, draws: Draws) -> tuple[int, bytes]:
    """Broken copies of a share of the lines, grouped by defect: how many, and their text."""
    chosen = np.flatnonzero(draws.hits(len(lines), share))
    kinds = draws.below(len(chosen), len(defects))
    pieces = []
    for kind in np.unique(kinds):
        text = characters(lines.take(pa.array(chosen[kinds == kind]))).tobytes().decode()
        for pattern, replacement in defects[kind].edits:
            text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
        pieces.append(text)
    return len(chosen), "".join(pieces).encode()
