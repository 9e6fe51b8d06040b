"""Random numbers that depend on their key alone, not on the platform, the process or the numpy release."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np


class Draws:
    """A stream of random numbers for one key.

    `key` is any sequence of non-negative integers and names, such as `(seed, "arrivals", day)`. Only the raw bits of
    Philox are used, which numpy promises never to change; the distributions built on them carry no such promise.
    """

    def __init__(self, *key: int | str):
        words = [zlib.crc32(part.encode()) if isinstance(part, str) else int(part) for part in key]
        self._bits = np.random.Philox(np.random.SeedSequence(words))

    def uniform(self, size: int) -> np.ndarray:
        """float64 in [0, 1), shape (size,)."""
        return (self._bits.random_raw(size) >> np.uint64(11)) * 2.0**-53

    def below(self, size: int, limit) -> np.ndarray:
        """int64 in [0, limit), shape (size,); `limit` is a number or one per element."""
        return (self.uniform(size) * limit).astype(np.int64)

    def hits(self, size: int, share) -> np.ndarray:
        """bool, shape (size,): true with probability `share`, a number or one per element."""
        return self.uniform(size) < share

    def weighted(self, size: int, weights) -> np.ndarray:
        """int64 indices into `weights` (whole numbers), each drawn in proportion to its weight."""
        cumulated = np.cumsum(np.asarray(weights, dtype=np.int64))
        return np.searchsorted(cumulated, self.below(size, cumulated[-1]), side="right")


class Pools:
    """Lists of whole numbers, none of them empty, to draw from."""

    def __init__(self, pools: Sequence[Sequence[int]]):
        self._sizes = np.array([len(pool) for pool in pools])
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._entries = np.concatenate(pools).astype(np.int64)

    def draw(self, pool: np.ndarray, draws: Draws) -> np.ndarray:
        """An entry of each of the lists at the indices `pool`, all entries being equally likely."""
        return self._entries[self._starts[pool] + draws.below(len(pool), self._sizes[pool])]
