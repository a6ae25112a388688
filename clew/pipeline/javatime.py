"""
`%{{pattern}}`: a moment by a pattern of `java.time.format.DateTimeFormatter`, in UTC and the locale en-US.

In that locale weeks begin on Sunday and the one with 1 January is the first: ``YYYY`` of 2020-12-31 is 2021.
"""

from __future__ import annotations

import re
from functools import lru_cache

from clew.pipeline.calendar import civil_from_days, day_of_week, day_of_year, days_from_civil
from clew.pipeline.joda.names import ENGLISH
from clew.pipeline.joda.pattern import PatternError
from clew.pipeline.timestamp import DAY_NS

_TOKEN = re.compile(r"''|'(?:[^']|'')*'|([A-Za-z])\1*|[\[\]]|[^A-Za-z'{}#]", re.DOTALL)
_LETTERS = "GuyDMLdQqYwEecahKkHmsSAnNVzOXxZ"
_OFFSETS = {"x": "+00", "xx": "+0000", "xxx": "+00:00", "xxxx": "+0000", "xxxxx": "+00:00", "ZZZZ": "GMT", "ZZZZZ": "Z"}


def print_utc(pattern: str, ns: int) -> str:
    """
    :param ns: nanoseconds since the epoch.
    :raises PatternError: a letter that `DateTimeFormatter` does not know, or one not supported here.
    """
    day, ns_of_day = divmod(ns, DAY_NS)
    return "".join(_part(token, day, ns_of_day) for token in _tokens(pattern))


@lru_cache(maxsize=256)
def _tokens(pattern: str) -> tuple[str, ...]:
    found: list[str] = []
    at = 0
    while at < len(pattern):
        match = _TOKEN.match(pattern, at)
        if match is None or (match[1] is not None and match[1] not in _LETTERS):
            raise PatternError(f"'{pattern[at:]}' means nothing in the date pattern '{pattern}'.")
        found.append(match.group())
        at = match.end()
    return tuple(found)


def _part(token: str, day: int, ns_of_day: int) -> str:
    letter, length = token[0], len(token)
    if letter == "'":
        return token[1:-1].replace("''", "'") or "'"
    if not letter.isalpha():
        return "" if letter in "[]" else token
    if letter in "zVOXxZ":
        return _offset(token)
    if letter in "ahKkHmsSAnN":
        return _time(letter, length, ns_of_day)
    return _date(letter, length, day)


def _offset(token: str) -> str:
    if token[0] == "O":
        return "GMT"
    if token[0] in "zVX":
        return "Z"
    return _OFFSETS.get(token, "+0000")


def _time(letter: str, length: int, ns_of_day: int) -> str:
    seconds, nanos = divmod(ns_of_day, 1_000_000_000)
    hour = seconds // 3600
    if letter == "S":
        return f"{nanos:09d}"[:length]
    if letter == "a":
        return ENGLISH.halves[hour // 12]
    values = {
        "H": hour, "k": hour or 24, "K": hour % 12, "h": hour % 12 or 12, "m": seconds // 60 % 60, "s": seconds % 60,
        "A": ns_of_day // 1_000_000, "n": nanos, "N": ns_of_day,
    }
    return f"{values[letter]:0{length}d}"


def _date(letter: str, length: int, day: int) -> str:
    year, month, day_of_month = civil_from_days(day)
    weekday = day_of_week(day)
    if letter == "G":
        era = ENGLISH.eras[year > 0]
        return {4: ("Before Christ", "Anno Domini")[year > 0], 5: era[0]}.get(length, era)
    if letter in "ML" and length >= 3:
        return {3: ENGLISH.short_months, 4: ENGLISH.months}[min(length, 4)][month - 1][: 1 if length == 5 else None]
    if letter == "E" or (letter in "ec" and length >= 3):
        return {4: ENGLISH.days}.get(min(length, 4), ENGLISH.short_days)[weekday - 1][: 1 if length == 5 else None]
    quarter = (month + 2) // 3
    if letter in "Qq" and length >= 3:
        return f"Q{quarter}" if length == 3 else ("1st", "2nd", "3rd", "4th")[quarter - 1] + " quarter"
    week_year, week = _week(day)
    if letter in "uyY":
        return _year({"u": year, "y": year if year > 0 else 1 - year, "Y": week_year}[letter], length)
    values = {
        "D": day_of_year(day), "M": month, "L": month, "d": day_of_month, "Q": quarter, "q": quarter, "w": week,
        "e": weekday % 7 + 1, "c": weekday % 7 + 1,
    }
    return f"{values[letter]:0{length}d}"


def _year(year: int, length: int) -> str:
    if length == 2:
        return f"{year % 100:02d}"
    sign = "-" if year < 0 else "+" if length >= 4 and len(str(year)) > length else ""
    return f"{sign}{abs(year):0{length}d}"


def _week(day: int) -> tuple[int, int]:
    """Week-year and week, as in the United States."""
    sunday = day - day_of_week(day) % 7
    year = civil_from_days(sunday + 6)[0]
    new_year = days_from_civil(year, 1, 1)
    return year, (sunday - (new_year - day_of_week(new_year) % 7)) // 7 + 1
