"""
The cheap question before all others: may there be a secret in this text?

Substring searches and byte translations run in C over the whole text; a regular expression would take several times as
long. It may say yes to a clean text, and never says no to one that the patterns would change.
"""

from __future__ import annotations

from observability.redaction.encoded import BASE64, PERCENT
from observability.redaction.keys import DenyKeys
from observability.redaction.shapes import DOTTED

_SHORTEST = 5
"""``a@b.c`` and ``pwd=x``: nothing shorter can be a secret of a known shape."""
_DIGITS = bytes(0x39 if 0x30 <= byte <= 0x39 else 0x20 for byte in range(256))
_CARD = b"9" * 13
_LETTERS = bytes(0x61 if chr(byte) in "+/_-" or (byte < 128 and chr(byte).isalnum()) else 0x20 for byte in range(256))
_RUN = b"a" * 12


class Prefilter:
    """Answers for the patterns of this package and the names of *deny*."""

    def __init__(self, deny: DenyKeys) -> None:
        self._hints = deny.hints

    def suspects(self, text: str) -> bool:
        length = len(text)
        if length < _SHORTEST:
            return False
        if "@" in text or "$" in text or ("%" in text and PERCENT.search(text)):
            return True
        lower = text.lower()
        if (
            "=" in text or ":" in text or "'" in text or '"' in text or ">" in text
            or " is" in text or "\tis" in text or " was" in text or "\twas" in text or "--" in text
        ) and any(map(lower.__contains__, self._hints)):  # fmt: skip
            return True
        if "bearer" in lower or "basic" in lower or "row contains" in lower or ("[" in text and _lists_values(text)):
            return True
        if length < len(_RUN):
            return False
        raw = text.encode("utf-8", "surrogatepass")
        if _CARD in raw.translate(_DIGITS, b" +-"):
            return True
        if _RUN in raw.translate(_LETTERS):
            return BASE64.search(text) is not None or DOTTED.search(text) is not None
        return False


def _lists_values(text: str) -> bool:
    """SQLAlchemy's way to log the values of a statement."""
    return "[parameters: " in text or "[generated in " in text or "[cached since " in text or "[no key " in text
