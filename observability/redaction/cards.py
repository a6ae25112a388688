"""
Card numbers in text: 13 to 19 digits, plain or in groups, an issuer's prefix and a right check digit (ISO/IEC 7812).

Not touched: UUIDs, hexadecimal ids, fractions of numbers, nanoseconds since 1970 (they begin with 1, no card does).
"""

from __future__ import annotations

import re

from observability.redaction.marks import REDACTED

_RUN = re.compile(r"(?<![0-9])[0-9]++(?:[ +\-][0-9]++)*+")
_GROUP = re.compile(r"[0-9]+")
_UUID = re.compile(r"(?i)(?<![0-9a-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9a-z])")
_HEX_ID = re.compile(r"(?i)(?<![0-9a-z])(?=[0-9]*[a-f])(?:[0-9a-f]{8}){2,8}(?![0-9a-z])")
_FEWEST, _MOST = 13, 19

_ISSUERS: tuple[tuple[int, int, range | tuple[int, ...]], ...] = (
    (4000, 4999, (13, 16, 19)),  # Visa
    (5100, 5599, (16,)),  # Mastercard
    (2221, 2720, (16,)),  # Mastercard
    (3400, 3499, (15,)),  # American Express
    (3700, 3799, (15,)),  # American Express
    (3000, 3059, (14, 16, 19)),  # Diners Club
    (3600, 3699, (14, 16, 19)),  # Diners Club
    (3800, 3999, (14, 16, 19)),  # Diners Club
    (3528, 3589, range(16, 20)),  # JCB
    (5000, 5099, range(13, 20)),  # Maestro
    (5600, 6999, range(13, 20)),  # Maestro, Discover, UnionPay
    (2200, 2204, range(16, 20)),  # Mir
)
"""First and last four digits of an issuer's cards, and their lengths."""

_VALUE = bytes(byte - 0x30 if 0x30 <= byte <= 0x39 else 0 for byte in range(256))
_DOUBLED = bytes(2 * value - 9 if value > 4 else 2 * value for value in _VALUE)


def redact_cards(text: str) -> str:
    """*text* with every card number replaced."""
    ids = [match.span() for pattern in (_UUID, _HEX_ID) for match in pattern.finditer(text)]
    parts: list[str] = []
    done = 0
    for run in _RUN.finditer(text):
        if run.end() - run.start() < _FEWEST:
            continue
        for start, end in _numbers(run):
            inside_id = any(start < last and first < end for first, last in ids)
            fraction = text[start - 1 : start] == "." and text[start - 2 : start - 1].isdigit()
            if not (inside_id or fraction):
                parts += (text[done:start], REDACTED)
                done = end
    return "".join((*parts, text[done:])) if parts else text


def _numbers(run: re.Match[str]) -> list[tuple[int, int]]:
    """Spans of card numbers made of whole groups of *run*, not overlapping, the longest first at each place."""
    groups = [(match[0], match.start(), match.end()) for match in _GROUP.finditer(run[0])]
    found: list[tuple[int, int]] = []
    first = 0
    while first < len(groups):
        last = _last_group(groups, first)
        if last is not None:
            found.append((run.start() + groups[first][1], run.start() + groups[last][2]))
            first = last
        first += 1
    return found


def _last_group(groups: list[tuple[str, int, int]], first: int) -> int | None:
    digits = ""
    best = None
    for index in range(first, min(first + _MOST, len(groups))):
        digits += groups[index][0]
        if len(digits) > _MOST:
            break
        if len(digits) >= _FEWEST and is_card(digits):
            best = index
    return best


def is_card(digits: str) -> bool:
    """Whether *digits* is a card number: issuer, length and check digit."""
    issuer, length = int(digits[:4]), len(digits)
    return luhn(digits) and any(low <= issuer <= high and length in lengths for low, high, lengths in _ISSUERS)


def luhn(digits: str) -> bool:
    """Whether the last of *digits* is the check digit of the others (ISO/IEC 7812-1, annex B)."""
    raw = digits.encode()
    return (sum(raw[::-2].translate(_VALUE)) + sum(raw[-2::-2].translate(_DOUBLED))) % 10 == 0
