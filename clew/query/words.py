"""
Numbers, times and foreign text as a person reads them; the same words in the terminal and in the browser.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from clew.store.matching import as_text as filter_text

__all__ = [
    "amount", "clock", "day", "filter_text", "iso", "one_line", "plain", "plural", "short", "thousands", "visible",
]

SECOND_NS = 1_000_000_000
NO_VALUE = "–"

# C0 and C1 controls (a terminal obeys them), bidirectional overrides and isolates (they reorder what is read), the
# byte order mark and lone surrogates (they cannot be encoded).
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """
    *text* with everything that would act instead of being read spelled out (an escape becomes ``\\x1b``). Line feeds
    and tabs stay.
    """
    return _UNSEEN.sub(lambda found: _spelled(ord(found[0])), text)


def one_line(text: str) -> str:
    """
    The same on one line: line feeds and tabs are spelled out as well.
    """
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def _spelled(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def short(number: float, digits: int = 1) -> str:
    """
    As few characters as the number needs: 1.0 is ``1``, 12.30 is ``12.3``.
    """
    text = f"{number:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def thousands(number: str | float) -> str:
    """
    12345 is ``12 345``, with a narrow space that does not break; four digits are grouped as well, so columns align.
    """
    whole, point, rest = str(number).partition(".")
    return f"{int(whole):,}".replace(",", "\u202f") + point + rest


def amount(value: float | None, unit: str) -> tuple[str, str]:
    """
    Number and unit, each as text. *unit* ``ms`` (grows to s), ``%`` (of a ratio), ``B`` (grows to GB), or any other.
    """
    if value is None:
        return NO_VALUE, ""
    if unit == "ms":
        return _duration(value)
    if unit == "%":
        return short(value * 100, 1 if value < 0.1 else 0), "%"
    if unit == "B":
        for name in ("B", "kB", "MB"):
            if value < 1000:
                return short(value), name
            value /= 1000
        return short(value), "GB"
    return thousands(short(value, 2 if value < 1 else 1)), unit


def _duration(milliseconds: float) -> tuple[str, str]:
    if milliseconds < 0:
        number, unit = _duration(-milliseconds)
        return "-" + number, unit
    if milliseconds < 1:
        return short(milliseconds, 2), "ms"
    if milliseconds < 999.5:
        return short(milliseconds, 1 if milliseconds < 9.95 else 0), "ms"
    if milliseconds < 120_000:
        return short(milliseconds / 1000, 2), "s"
    minutes = milliseconds / 60_000
    if minutes < 120:
        return short(minutes, 0), "min"
    return (short(minutes / 60, 1), "h") if minutes < 2880 else (short(minutes / 1440, 1), "d")


def plain(value: float | None, unit: str) -> str:
    """
    `amount` as one word: ``93 ms``, ``6.1 %``, ``–`` for None.
    """
    return " ".join(amount(value, unit)).strip()


def iso(unix_ns: int) -> str:
    """
    RFC 3339, UTC, microseconds, ``Z``.
    """
    seconds, rest = divmod(unix_ns, SECOND_NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def clock(unix_ns: int, digits: int = 3) -> str:
    """
    Time of day in UTC with *digits* (0 to 6) of the fraction: ``14:02:07.412``.
    """
    text = iso(unix_ns)[11:26]
    return text[: 9 + digits] if digits else text[:8]


def day(unix_ns: int) -> str:
    """
    The date in UTC: ``2026-11-21``.
    """
    return iso(unix_ns)[:10]


def plural(count: int, one: str, many: str = "") -> str:
    """
    ``1 line``, ``2 lines``, ``12 345 lines``.
    """
    return f"{thousands(count)} {one if count == 1 else many or one + 's'}"
