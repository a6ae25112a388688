"""A moment as text, in UTC and English, as `%{+pattern}` prints it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from clew.pipeline.calendar import civil_from_days, day_of_week, day_of_year, week_of
from clew.pipeline.joda.names import ENGLISH
from clew.pipeline.joda.pattern import Token, tokens

DAY_MS = 86_400_000
_OF_THE_DAY = "GCxyYMdeEDw"  # what only the date decides
_ZONES = {"Z": "+0000", "ZZ": "+00:00", "z": "UTC", "zz": "UTC", "zzz": "UTC"}


@lru_cache(maxsize=256)
def printer(pattern: str) -> Callable[[int], str]:
    """
    A function from milliseconds since the epoch to text.

    :raises PatternError: see `tokens`.
    """
    parsed = tokens(pattern)
    if all(token.letter == "" or token.letter in _OF_THE_DAY for token in parsed):
        of_day = lru_cache(maxsize=64)(lambda day: _text(parsed, day, 0))
        return lambda ms: of_day(ms // DAY_MS)
    return lambda ms: _text(parsed, *divmod(ms, DAY_MS))


def _text(parsed: list[Token], day: int, ms_of_day: int) -> str:
    return "".join(token.literal if token.letter == "" else _field(token, day, ms_of_day) for token in parsed)


def _field(token: Token, day: int, ms_of_day: int) -> str:
    letter, length = token.letter, token.length
    if letter in "zZ":
        return _ZONES.get(letter * length) or ("UTC" if letter == "Z" else "Coordinated Universal Time")
    if letter == "S":
        return f"{ms_of_day % 1000:03d}".ljust(length, "0")[:length]
    if letter in "hHkKmsa":
        hour = ms_of_day // 3_600_000
        if letter == "a":
            return ENGLISH.halves[hour // 12]
        values = {
            "H": hour, "k": hour or 24, "K": hour % 12, "h": hour % 12 or 12,
            "m": ms_of_day // 60_000 % 60, "s": ms_of_day // 1000 % 60,
        }
        return _padded(values[letter], length)
    return _date_field(letter, length, day)


def _date_field(letter: str, length: int, day: int) -> str:
    year, month, day_of_month = civil_from_days(day)
    weekday = day_of_week(day)
    if letter == "G":
        return ENGLISH.eras[year > 0]
    if letter == "E":
        return (ENGLISH.days if length >= 4 else ENGLISH.short_days)[weekday - 1]
    if letter == "M" and length >= 3:
        return (ENGLISH.months if length >= 4 else ENGLISH.short_months)[month - 1]
    week_year, week = week_of(day)
    year_of_era = year if year > 0 else 1 - year
    if letter in "xyY" and length == 2:
        return _padded(abs(week_year if letter == "x" else year) % 100, 2)
    values = {
        "C": abs(year) // 100, "x": week_year, "y": year, "Y": year_of_era, "M": month, "d": day_of_month,
        "e": weekday, "D": day_of_year(day), "w": week,
    }
    return _padded(values[letter], length)


def _padded(value: int, length: int) -> str:
    return f"{'-' if value < 0 else ''}{abs(value):0{length}d}"
