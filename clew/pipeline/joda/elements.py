"""The pieces a date parser is made of. Each takes (bucket, text, position) and gives the next position, or FAILED."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from clew.pipeline.joda.bucket import Bucket
from clew.pipeline.joda.fields import Field
from clew.pipeline.zones import zone

FAILED: Final = -1
Element = Callable[[Bucket, str, int], int]

_MAX_INT = 2**31 - 1
_LONGEST_ZONE_ID = 40
_ZONE_NAMES = {
    "UT": "UTC", "UTC": "UTC", "GMT": "UTC",
    "EST": "America/New_York", "EDT": "America/New_York", "CST": "America/Chicago", "CDT": "America/Chicago",
    "MST": "America/Denver", "MDT": "America/Denver", "PST": "America/Los_Angeles", "PDT": "America/Los_Angeles",
}


def _digits(text: str, at: int, most: int) -> int:
    """How many digits stand at *at*, at most *most*."""
    count = 0
    while count < most and at + count < len(text) and "0" <= text[at + count] <= "9":
        count += 1
    return count


def number(field: Field, most: int, *, signed: bool = False) -> Element:
    """Up to *most* digits, after a sign if *signed*."""

    def parse(bucket: Bucket, text: str, at: int) -> int:
        sign = 1 if signed and text[at : at + 1] in ("+", "-") else 0
        count = _digits(text, at + sign, most)
        if count == 0:
            return FAILED
        value = int(text[at + sign : at + sign + count])
        if value > _MAX_INT:
            return FAILED
        bucket.save(field, -value if sign and text[at] == "-" else value)
        return at + sign + count

    return parse


def two_digit_year(field: Field, pivot: int, *, lenient: bool) -> Element:
    """Two digits are the year within 50 of *pivot*; if *lenient*, any other number of digits is the year itself."""
    low = pivot - 50

    def parse(bucket: Bucket, text: str, at: int) -> int:
        sign = 1 if lenient and text[at : at + 1] in ("+", "-") else 0
        count = _digits(text, at + sign, len(text) if lenient else 2)
        if count == 0 or (not lenient and count < 2):
            return FAILED
        value = int(text[at + sign : at + sign + count])
        if value > _MAX_INT:
            return FAILED
        if sign or count != 2:
            bucket.save(field, -value if sign and text[at] == "-" else value)
        else:
            bucket.save(field, low + (value - low) % 100)
        return at + sign + count

    return parse


def words(field: Field, values: Mapping[str, int], longest: int) -> Element:
    """The longest of *values* that fits, as given, in lower or in upper case; at most *longest* characters."""
    spellings = {spelt: value for word, value in values.items() for spelt in (word, word.lower(), word.upper())}

    def parse(bucket: Bucket, text: str, at: int) -> int:
        for end in range(min(len(text), at + longest), at, -1):
            value = spellings.get(text[at:end])
            if value is not None:
                bucket.save(field, value)
                return end
        return FAILED

    return parse


def literal(wanted: str) -> Element:
    """That text, in any case."""
    folded = wanted.casefold()
    return lambda bucket, text, at: at + len(wanted) if text[at : at + len(wanted)].casefold() == folded else FAILED


def fraction(field: Field, unit_ms: int, most: int) -> Element:
    """Digits after the point of a unit of *unit_ms* milliseconds; what is finer than a millisecond is cut off."""

    def parse(bucket: Bucket, text: str, at: int) -> int:
        count = _digits(text, at, min(most, 18))
        if count == 0:
            return FAILED
        bucket.save(field, int(text[at : at + count]) * unit_ms // 10**count)
        return at + count

    return parse


def offset(bucket: Bucket, text: str, at: int) -> int:
    """``Z``, ``+02``, ``+0200``, ``+02:00``, ``+02:00:00.000``."""
    if text[at : at + 1] in ("Z", "z"):
        bucket.offset_ms = 0
        return at + 1
    if text[at : at + 1] not in ("+", "-") or _digits(text, at + 1, 2) < 2 or int(text[at + 1 : at + 3]) > 23:
        return FAILED
    total = int(text[at + 1 : at + 3]) * 3_600_000
    end = at + 3
    separated = text[end : end + 1] == ":"
    for separators, size, most, unit in ((":", 2, 59, 60_000), (":", 2, 59, 1000), (".,", 3, 999, 1)):
        if separated:
            if not text[end : end + 1] or text[end] not in separators:
                break
            end += 1
        count = _digits(text, end, size)
        if count == 0 and not separated:
            break
        if count < (size if unit > 1 else 1) or int(text[end : end + count]) > most:
            return FAILED
        total += int(text[end : end + count].ljust(size, "0")) * unit
        end += count
    bucket.offset_ms = -total if text[at] == "-" else total
    return end


def zone_name(bucket: Bucket, text: str, at: int) -> int:
    """``UTC`` or an American zone's letters: ``EST`` means New York, whatever the season."""
    found = max((name for name in _ZONE_NAMES if text.startswith(name, at)), key=len, default="")
    if not found:
        return FAILED
    bucket.zone = zone(_ZONE_NAMES[found])
    return at + len(found)


@cache
def _zone_ids() -> frozenset[str]:
    return frozenset(available_timezones())


def zone_id(bucket: Bucket, text: str, at: int) -> int:
    """The longest id of the tz database that stands here."""
    for end in range(min(len(text), at + _LONGEST_ZONE_ID), at, -1):
        if text[at:end] in _zone_ids():
            bucket.zone = zone(text[at:end])
            return end
    return FAILED


def sequence(*elements: Element) -> Element:
    def parse(bucket: Bucket, text: str, at: int) -> int:
        for element in elements:
            at = element(bucket, text, at)
            if at < 0:
                return FAILED
        return at

    return parse


def longest(alternatives: Sequence[Element], *, optional: bool = False) -> Element:
    """The alternative that takes most; none, if *optional* and none fits."""

    def parse(bucket: Bucket, text: str, at: int) -> int:
        before = bucket.state()
        best, best_state = at, None
        for alternative in alternatives:
            end = alternative(bucket, text, at)
            if end > best:
                best, best_state = end, bucket.state()
            bucket.restore(before)
        if best_state is not None:
            bucket.restore(best_state)
            return best
        return at if optional else FAILED

    return parse


def optional(element: Element) -> Element:
    return longest([element], optional=True)
