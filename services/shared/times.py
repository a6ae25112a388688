"""Points in time as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """
    *moment* in UTC with microseconds, ``2026-11-21T09:42:00.123456Z``: of one width, so text order is time order.
    """
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
