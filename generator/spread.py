"""How far things that take their time are spread around their median."""

from __future__ import annotations

import numpy as np

QUANTILES = ((0.0, 0.05), (0.1, 0.22), (0.25, 0.48), (0.5, 1.0), (0.75, 1.9), (0.9, 3.4), (0.97, 6.0), (1.0, 14.0))
KNOTS = 256


def spread(u: np.ndarray) -> np.ndarray:
    """Factors around 1, from 0.05 to 14, at the quantiles `u`."""
    at = u * KNOTS
    knot = at.astype(np.int64)
    return _FACTORS[knot] + (_FACTORS[knot + 1] - _FACTORS[knot]) * (at - knot)


def _quantiles() -> np.ndarray:
    """QUANTILES at KNOTS + 1 even steps, in plain arithmetic so that every machine has the same."""
    values, upper = [], 1
    for n in range(KNOTS + 1):
        u = n / KNOTS
        while QUANTILES[upper][0] < u:
            upper += 1
        (u0, low), (u1, high) = QUANTILES[upper - 1], QUANTILES[upper]
        values.append(low + (high - low) * (u - u0) / (u1 - u0))
    return np.array(values)


_FACTORS = _quantiles()
