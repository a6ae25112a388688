"""
Sums that never step back.

Floats do not add up the same in every order: folding a dead worker's total into another could move the exported sum by
one unit in the last place, and to Prometheus a counter that shrinks by 1e-16 was reset, which doubles it. A sum that is
kept exactly and rounded once only ever grows, because rounding is monotonic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def total(parts: Sequence[float]) -> float:
    """
    The exact sum of *parts*, rounded once; infinite where it is larger than a float can be.
    """
    if len(parts) == 1:
        return parts[0]
    try:
        return math.fsum(parts)
    except (OverflowError, ValueError):  # beyond the largest float; or inf and -inf together
        return sum(parts)


def partials(parts: Sequence[float], count: int) -> tuple[float, ...]:
    """
    *parts* as *count* floats whose sum is the same: the rounded sum, its error, the error of that.

    Exact as long as the sum needs no more than *count* times 53 bits (three floats: 48 decimal places).
    """
    found: list[float] = []
    for _ in range(count):
        rounded = total([*parts, *(-part for part in found)])
        if not math.isfinite(rounded):
            return (rounded, *(0.0,) * (count - 1))
        found.append(rounded)
    return tuple(found)
