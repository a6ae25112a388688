"""An idempotency key and what it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

LIFETIME = timedelta(hours=24)
"""How long a key means the order that was placed under it."""


@dataclass(frozen=True, slots=True)
class Once:
    """A key, what was wished for under it, and until when it holds."""

    key: str
    fingerprint: str
    expires_at: datetime
