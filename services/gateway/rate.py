"""How often somebody may ask: a fixed window per user, or per address for those who have no session."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable

from limits import RateLimitItem, parse
from limits.strategies import FixedWindowRateLimiter

from observability import SettingsError, Telemetry
from services.gateway.counts import SharedCounts

COMPLAIN_S = 60.0


def rate(text: str) -> RateLimitItem | None:
    """
    What ``RATE_LIMIT`` says; None for ``off``.

    :raises SettingsError: when it says nothing that can be understood.
    """
    if text == "off":
        return None
    try:
        return parse(text)
    except ValueError:
        raise SettingsError([f"RATE_LIMIT must look like 1000/10 seconds, or be off, not {text!r}."]) from None


class RateLimit:
    """
    *item* for each caller, counted in *counts*. When these cannot be kept, everybody may ask: a full disk of the
    gateway must not be an outage. That is logged once a minute.
    """

    def __init__(
        self, item: RateLimitItem, counts: SharedCounts, telemetry: Telemetry, clock: Callable[[], float] = time.time
    ) -> None:
        self.item = item
        self._windows = FixedWindowRateLimiter(counts)
        self._telemetry = telemetry
        self._clock = clock
        self._complained = -math.inf

    def take(self, who: str) -> tuple[bool, int, int] | None:
        """
        Whether *who* may ask once more, how often after that, and the seconds until the window ends; None when nobody
        knows.
        """
        try:
            may = self._windows.hit(self.item, who)
            ends, left = self._windows.get_window_stats(self.item, who)
        except (sqlite3.Error, OSError) as error:
            self._complain(error)
            return None
        return may, left, max(1, math.ceil(ends - self._clock()))

    def _complain(self, error: Exception) -> None:
        now = self._clock()
        if now - self._complained >= COMPLAIN_S:
            self._complained = now
            labels = {"dependency": "rate_limit"}
            what = "Requests cannot be counted, so nobody is limited."
            self._telemetry.log("dependency.failed", what, level="error", error=error, labels=labels)
