"""Structured arrays moved as whole records; numpy itself indexes and concatenates them field by field, much slower."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np


def stacked(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """One or more arrays of the same structured dtype, one after another."""
    dtype = arrays[0].dtype
    return np.concatenate([array.view(f"V{dtype.itemsize}") for array in arrays]).view(dtype)


def groups(records: np.ndarray, keys: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """The records of each key (integers), in their order; keys ascend."""
    order = np.argsort(keys, kind="stable")
    keys, records = keys[order], records.take(order)
    edges = np.flatnonzero(np.diff(keys)) + 1
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(keys)], strict=True):
        if end > start:
            yield int(keys[start]), records[start:end]
