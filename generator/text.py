"""Text of many lines at once: columns of numbers become columns of JSON text without a Python loop."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from generator.calendars import DAY

MICRO_VARIANTS = 4096
OFFSET_STEP, LARGEST_OFFSET = 900, 14 * 3600


def pick(table: pa.StringArray, index: np.ndarray) -> pa.StringArray:
    """The entries of `table` at `index`."""
    return table.take(pa.array(index))


def join(*parts: pa.StringArray | str) -> pa.StringArray:
    """The parts side by side; a str is repeated on every row."""
    return pc.binary_join_element_wise(*parts, "")


def digits(numbers: np.ndarray) -> pa.StringArray:
    return pa.array(numbers).cast(pa.string())


def tenths(numbers: np.ndarray) -> pa.StringArray:
    """Whole numbers of tenths as decimals: 125 is 12.5."""
    whole, tenth = np.divmod(numbers, 10)
    return join(digits(whole), ".", digits(tenth))


def where(mask: np.ndarray, texts: pa.StringArray) -> pa.StringArray:
    """`texts`, one for each true element of `mask`, in their places; elsewhere the empty string."""
    if not len(texts):
        return pa.array([""]).take(pa.array(np.zeros(len(mask), np.int64)))
    return pick(pa.concat_arrays([pa.array([""]), texts]), np.cumsum(mask) * mask)


def characters(texts: pa.StringArray) -> memoryview:
    """The strings one after another, without a copy."""
    _, edges, characters = texts.buffers()
    ends = np.frombuffer(edges, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(characters)[ends[0] : ends[-1]]


def member(key: str, value: str) -> str:
    """`,"key":"value"`, or nothing for a value that is absent."""
    return f",{json.dumps(key)}:{json.dumps(value, ensure_ascii=False)}" if value else ""


def table(entries: Sequence[str]) -> pa.StringArray:
    return pa.array(entries, pa.string())


class Combinations:
    """The texts that are put together from one entry of each list."""

    def __init__(self, *lists: Sequence[str]):
        self._sizes = [len(entries) for entries in lists]
        self._texts = table(["".join(entries) for entries in product(*lists)])

    def pick(self, *indices: np.ndarray) -> pa.StringArray:
        """Those with the entries at `indices`, one array for each list."""
        combined = np.zeros(len(indices[0]), np.int64)
        for size, index in zip(self._sizes, indices, strict=True):
            combined = combined * size + index
        return pick(self._texts, combined)


def wall_times(seconds: np.ndarray) -> pa.StringArray:
    """`2026-03-01T10:00:00` for each count of seconds since 1970."""
    days, second = np.divmod(seconds, DAY)
    first = int(days.min()) if len(days) else 0
    names = np.arange(first, int(days.max()) + 1 if len(days) else 1).astype("datetime64[D]").astype("S10")
    characters = np.empty((len(seconds), 19), np.uint8)
    characters[:, :10] = names.view(np.uint8).reshape(-1, 10)[days - first]
    characters[:, 10:] = _clock_faces()[second]
    edges = np.arange(len(seconds) + 1, dtype=np.int32) * 19
    return pa.StringArray.from_buffers(len(seconds), pa.py_buffer(edges), pa.py_buffer(characters))


@lru_cache(maxsize=1)
def _clock_faces() -> np.ndarray:
    """`T10:00:00` for each second of a day, as characters: shape (86400, 9)."""
    second = np.arange(DAY)
    faces = np.full((DAY, 9), ord(":"), np.uint8)
    faces[:, 0] = ord("T")
    for column, value in ((1, second // 3600), (4, second // 60 % 60), (7, second % 60)):
        faces[:, column] = ord("0") + value // 10
        faces[:, column + 1] = ord("0") + value % 10
    return faces


@lru_cache(maxsize=1)
def _zone_endings() -> pa.StringArray:
    """What may follow a wall time: Z, a fraction and Z, or an offset, each with the quote that ends the value."""
    offsets = range(-LARGEST_OFFSET, LARGEST_OFFSET + 1, OFFSET_STEP)
    signed = [
        f'{"-" if offset < 0 else "+"}{abs(offset) // 3600:02}:{abs(offset) % 3600 // 60:02}"' for offset in offsets
    ]
    return table(['Z"', *(f'.{n * 999_983 % 1_000_000:06}Z"' for n in range(MICRO_VARIANTS)), *signed])


IN_UTC = 0


def with_micros(variant: np.ndarray) -> np.ndarray:
    """Styles of a timestamp that has microseconds; those of equal variants are equal."""
    return 1 + variant % MICRO_VARIANTS


def with_offset(offset: np.ndarray) -> np.ndarray:
    """Styles of a timestamp in local time, `offset` seconds east of UTC (multiples of a quarter of an hour)."""
    return 1 + MICRO_VARIANTS + (offset + LARGEST_OFFSET) // OFFSET_STEP


def timestamps(moments: np.ndarray, styles: np.ndarray) -> tuple[pa.StringArray, pa.StringArray]:
    """Two parts that make a JSON string with its closing quote, without the opening one.

    `moments` are the seconds to be shown: local ones where the style is an offset.
    """
    return wall_times(moments), pick(_zone_endings(), styles)
