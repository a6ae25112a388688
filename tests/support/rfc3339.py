"""Times as the services write them."""

from __future__ import annotations

from datetime import UTC, datetime


def text_of(unix_ns: int) -> str:
    """RFC 3339, UTC, microseconds, ``Z``."""
    moment = datetime.fromtimestamp(unix_ns // 1_000_000_000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{unix_ns % 1_000_000_000 // 1000:06d}Z"
