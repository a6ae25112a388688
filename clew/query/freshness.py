"""
How old the newest thing of each source is.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """
    Where a signal comes from: a tailed file, a scraped target, the OTLP door.

    :param signal: ``logs``, ``metrics`` or ``traces``; *service* whose it is, empty for all.
    :param name: the source for a person: ``scrape gateway:8080``, ``tail gateway-0193….jsonl``.
    :param newest_s: when its newest thing was received (seconds since the epoch); None if nothing ever was.
    :param limit_s: the age up to which it counts as fresh; 0 if the source is silent while nothing happens.
    :param problem: what is wrong with it, in a sentence; empty if nothing is.
    """

    signal: str
    service: str
    name: str
    newest_s: float | None
    limit_s: float = 0.0
    problem: str = ""

    def age_s(self, now_s: float) -> float | None:
        return None if self.newest_s is None else max(0.0, now_s - self.newest_s)

    def late(self, now_s: float) -> bool:
        """It has a problem, or its newest thing is older than its limit."""
        age_s = self.age_s(now_s)
        return bool(self.problem) or (self.limit_s > 0 and (age_s is None or age_s > self.limit_s))
