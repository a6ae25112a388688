"""Prometheus' durations: `1h30m`, `15s`, `500ms`."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII
)
_MILLISECONDS = (365 * 86_400_000, 7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000, 1)
_LONGEST_MS = (2**63 - 1) // 1_000_000  # Go keeps nanoseconds in 64 bits


def duration_s(text: str) -> float:
    """
    *text* in seconds. Units in falling order, each at most once, whole numbers; `0` needs none (Prometheus,
    ``model.ParseDuration``). :raises ValueError: it is not one; the message says what one looks like.
    """
    if text == "0":
        return 0.0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"'{text}' is not a duration; write it like 500ms, 5s, 1m30s or 1h")
    milliseconds = sum(int(number or 0) * unit for number, unit in zip(match.groups(), _MILLISECONDS, strict=True))
    if milliseconds > _LONGEST_MS:
        raise ValueError(f"'{text}' is too long; Prometheus counts to 292 years")
    return milliseconds / 1000
