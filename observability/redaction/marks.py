"""What stands where something was taken out."""

from __future__ import annotations

import re

REDACTED = "[redacted]"

CUT = re.compile(r" \[cut: [0-9]+ characters\]\Z")
"""The end of a text that was too long to scan."""


def cut_mark(length: int) -> str:
    """The end of a text that had *length* characters."""
    return f" [cut: {length} characters]"
