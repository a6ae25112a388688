"""Parsers for whole dates: one pattern, or the shapes of ISO 8601."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo

from clew.pipeline.calendar import civil_from_days
from clew.pipeline.joda import fields as f
from clew.pipeline.joda.bucket import Bucket
from clew.pipeline.joda.elements import (
    Element,
    fraction,
    literal,
    longest,
    number,
    offset,
    optional,
    sequence,
    two_digit_year,
    words,
    zone_id,
    zone_name,
)
from clew.pipeline.joda.names import Names
from clew.pipeline.joda.pattern import PatternError, Token, tokens

_FIXED = {
    "d": (f.DAY_OF_MONTH, 2), "h": (f.CLOCK_HOUR_OF_HALF, 2), "H": (f.HOUR_OF_DAY, 2), "k": (f.CLOCK_HOUR_OF_DAY, 2),
    "K": (f.HOUR_OF_HALF, 2), "m": (f.MINUTE_OF_HOUR, 2), "s": (f.SECOND_OF_MINUTE, 2), "e": (f.DAY_OF_WEEK, 1),
    "D": (f.DAY_OF_YEAR, 3), "w": (f.WEEK_OF_YEAR, 2), "M": (f.MONTH_OF_YEAR, 2),
}
_YEARS = {"x": f.WEEK_YEAR, "y": f.YEAR_FIELD, "Y": f.YEAR_OF_ERA}


@dataclass(frozen=True, slots=True)
class DateParser:
    """A parser for whole texts."""

    element: Element

    def bucket(self, text: str, zone: tzinfo | None, default_year: int) -> Bucket:
        """What *text* says. :raises ValueError: it does not have the shape."""
        bucket = Bucket(zone, default_year)
        if self.element(bucket, text, 0) != len(text):
            raise ValueError(text)
        return bucket


def pattern_parser(pattern: str, names: Callable[[], Names], now_ms: int) -> DateParser:
    """
    :param names: the names of the locale, asked for only if the pattern has months, days, halves or eras in words.
    :param now_ms: decides what two-digit years mean.
    :raises PatternError: see `tokens`; or it prints what cannot be read back (``zzzz``).
    """
    parsed = tokens(pattern)
    followers: list[Token | None] = [*parsed[1:], None]
    return DateParser(
        sequence(*(_element(token, after, names, now_ms) for token, after in zip(parsed, followers, strict=True)))
    )


def _element(token: Token, after: Token | None, names: Callable[[], Names], now_ms: int) -> Element:
    letter, length = token.letter, token.length
    if letter == "":
        return literal(token.literal)
    if letter in _YEARS:
        return _year(token, after, now_ms)
    if letter in "GaE" or (letter == "M" and length >= 3):
        return _words(letter, names())
    if letter in _FIXED:
        field, most = _FIXED[letter]
        return number(field, max(most, length))
    if letter == "C":
        return number(f.CENTURY_OF_ERA, length, signed=True)
    if letter == "S":
        return fraction(f.FRACTION_OF_SECOND, f.SECOND, length)
    if letter == "Z":
        return offset if length <= 2 else zone_id
    if length >= 4:
        raise PatternError("'zzzz' can be printed but not parsed; use 'z' for letters such as EST, 'ZZZ' for zone ids.")
    return zone_name


def _year(token: Token, after: Token | None, now_ms: int) -> Element:
    digits_follow = after is not None and after.numeric
    if token.length != 2:
        signed = token.letter != "Y"
        return number(_YEARS[token.letter], token.length if digits_follow else max(9, token.length), signed=signed)
    field = f.WEEK_YEAR if token.letter == "x" else f.YEAR_FIELD
    return two_digit_year(field, civil_from_days(now_ms // f.DAY)[0] - 30, lenient=not digits_follow)


def _words(letter: str, names: Names) -> Element:
    if letter == "a":
        return words(f.HALF_OF_DAY, {word: index for index, word in enumerate(names.halves)}, _longest(names.halves))
    if letter == "G":
        eras = {word: index for index, word in enumerate(names.eras)}
        if names.eras == ("BC", "AD"):
            eras |= {"BCE": 0, "CE": 1}
        return words(f.ERA, eras, max(map(len, eras)))
    if letter == "E":
        return _row(f.DAY_OF_WEEK, names.days, names.short_days)
    return _row(f.MONTH_OF_YEAR, names.months, names.short_months)


def _row(field: f.Field, full: tuple[str, ...], short: tuple[str, ...]) -> Element:
    values = {word: index for row in (full, short) for index, word in enumerate(row, start=1)}
    return words(field, values, _longest(full))


def _longest(row: tuple[str, ...]) -> int:
    return max(map(len, row))


def iso8601_parsers() -> tuple[DateParser, ...]:
    """What Logstash's ``ISO8601`` tries in turn: ISO 8601 proper, then a blank instead of the T with a fraction."""
    blanks = [f"yyyy-MM-dd HH:mm:ss{fraction}" for fraction in (".SSSZ", ".SSS", ",SSSZ", ",SSS")]
    return (DateParser(_iso8601()), *(pattern_parser(pattern, _no_names, 0) for pattern in blanks))


def _no_names() -> Names:
    raise PatternError("the patterns of ISO 8601 have no words")


def _iso8601() -> Element:
    point = longest([literal("."), literal(",")])

    def decimals(field: f.Field, unit_ms: int) -> Element:
        return sequence(point, fraction(field, unit_ms, 9))

    second = sequence(
        literal(":"), number(f.SECOND_OF_MINUTE, 2), optional(decimals(f.FRACTION_OF_SECOND, f.SECOND))
    )
    minute = sequence(
        literal(":"), number(f.MINUTE_OF_HOUR, 2),
        longest([second, decimals(f.FRACTION_OF_MINUTE, f.MINUTE)], optional=True),
    )
    time = sequence(
        number(f.HOUR_OF_DAY, 2), longest([minute, decimals(f.FRACTION_OF_HOUR, f.HOUR)], optional=True)
    )
    year = number(f.YEAR_FIELD, 9, signed=True)
    month = sequence(
        literal("-"), number(f.MONTH_OF_YEAR, 2), optional(sequence(literal("-"), number(f.DAY_OF_MONTH, 2)))
    )
    week = sequence(
        number(f.WEEK_YEAR, 9, signed=True), literal("-W"), number(f.WEEK_OF_YEAR, 2),
        optional(sequence(literal("-"), number(f.DAY_OF_WEEK, 1))),
    )
    date = longest([
        sequence(year, optional(month)),
        week,
        sequence(year, literal("-"), number(f.DAY_OF_YEAR, 3)),
    ])
    return longest([
        sequence(literal("T"), time, optional(offset)),
        sequence(date, optional(sequence(literal("T"), optional(time), optional(offset)))),
    ])
