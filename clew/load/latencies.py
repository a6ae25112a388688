"""
Latencies in bounded memory: counts in buckets that grow by 2 %, so a quantile is right within 1 %.
"""

from __future__ import annotations

import math
from collections import Counter

_GROWTH = math.log(1.02)
_LEAST_S = 1e-5


class Latencies:
    """Not safe in many threads: its owner has the lock."""

    def __init__(self) -> None:
        self.count = 0
        self.most_s = 0.0
        self._buckets: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        self.count += 1
        self.most_s = max(self.most_s, seconds)
        self._buckets[int(math.log(max(seconds, _LEAST_S) / _LEAST_S) / _GROWTH)] += 1

    def merge(self, other: Latencies) -> None:
        self.count += other.count
        self.most_s = max(self.most_s, other.most_s)
        self._buckets.update(other._buckets)

    def quantile(self, q: float) -> float:
        """Seconds under which the share *q* stayed; 0 without any."""
        wanted = max(1, math.ceil(q * self.count))
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return min(_LEAST_S * math.exp((bucket + 0.5) * _GROWTH), self.most_s)
        return 0.0

    def in_ms(self) -> dict[str, float]:
        """For people and JSON: ``p50 p95 p99 max``, in milliseconds."""
        quantiles = {f"p{100 * q:g}": self.quantile(q) for q in (0.5, 0.95, 0.99)}
        return {name: round(1000 * value, 2) for name, value in (quantiles | {"max": self.most_s}).items()}
