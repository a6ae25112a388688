"""
The fields of a local time, each with a way to set it.

Times here are local milliseconds since 1970-01-01T00:00. A field orders itself by how long its range and its unit are;
what is set later may move what was set before (a weekday moves the date).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from clew.pipeline.calendar import (
    civil_from_days,
    day_of_week,
    day_of_year,
    days_from_civil,
    days_in_month,
    first_week,
    is_leap,
    week_of,
    weeks_in_year,
)

SECOND, MINUTE, HOUR, HALF_DAY, DAY, WEEK = 1000, 60_000, 3_600_000, 43_200_000, 86_400_000, 604_800_000
YEAR = 31_556_952_000  # on average
MONTH = YEAR // 12
_MAX_YEAR = 292_278_993
_INFINITE = math.inf


class FieldValueError(ValueError):
    """A value out of the field's range."""


@dataclass(frozen=True, slots=True)
class Field:
    """
    :param set: (time, value) to time. Raises FieldValueError.
    :param floor: the beginning of the field's unit.
    """

    name: str
    range_ms: float
    unit_ms: float
    set: Callable[[int, int], int]
    floor: Callable[[int], int]
    order: tuple[float, float] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "order", (-self.range_ms, -self.unit_ms))


def _check(value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise FieldValueError(f"{value} is not between {low} and {high}")


def _date(ms: int) -> tuple[int, int, int]:
    return civil_from_days(ms // DAY)


def _start_of_day(ms: int) -> int:
    return ms - ms % DAY


def _move_to(ms: int, year: int, month: int, day: int) -> int:
    return days_from_civil(year, month, day) * DAY + ms % DAY


def set_year(ms: int, year: int) -> int:
    """29 February becomes 28 February where there is none."""
    _check(year, -_MAX_YEAR, _MAX_YEAR)
    _, month, day = _date(ms)
    return _move_to(ms, year, month, min(day, days_in_month(year, month)))


def _set_year_of_era(ms: int, year: int) -> int:
    _check(year, 1, _MAX_YEAR)
    return set_year(ms, year if _date(ms)[0] > 0 else 1 - year)


def _set_century(ms: int, century: int) -> int:
    _check(century, 0, _MAX_YEAR // 100)
    year = _date(ms)[0]
    of_era = century * 100 + abs(year) % 100
    return set_year(ms, of_era if year >= 0 else -of_era)


def _set_era(ms: int, era: int) -> int:
    _check(era, 0, 1)
    year = _date(ms)[0]
    return ms if (year > 0) == bool(era) else set_year(ms, -year)


def _floor_era(ms: int) -> int:
    return days_from_civil(1 if _date(ms)[0] > 0 else -_MAX_YEAR, 1, 1) * DAY


def _floor_year(ms: int) -> int:
    return days_from_civil(_date(ms)[0], 1, 1) * DAY


def _floor_century(ms: int) -> int:
    return days_from_civil(_date(ms)[0] // 100 * 100, 1, 1) * DAY


def _set_month(ms: int, month: int) -> int:
    _check(month, 1, 12)
    year, _, day = _date(ms)
    return _move_to(ms, year, month, min(day, days_in_month(year, month)))


def _floor_month(ms: int) -> int:
    year, month, _ = _date(ms)
    return days_from_civil(year, month, 1) * DAY


def _set_day_of_month(ms: int, day: int) -> int:
    year, month, _ = _date(ms)
    _check(day, 1, days_in_month(year, month))
    return _move_to(ms, year, month, day)


def _set_day_of_year(ms: int, day: int) -> int:
    _check(day, 1, 366 if is_leap(_date(ms)[0]) else 365)
    return ms + (day - day_of_year(ms // DAY)) * DAY


def _set_week_year(ms: int, year: int) -> int:
    """Week and weekday stay, if the other year has that week."""
    _check(year, -_MAX_YEAR, _MAX_YEAR)
    of_year, week = week_of(ms // DAY)
    if of_year == year:
        return ms
    kept = min(week, weeks_in_year(year), weeks_in_year(of_year))
    return (first_week(year) + (kept - 1) * 7 + day_of_week(ms // DAY) - 1) * DAY + ms % DAY


def _floor_week_year(ms: int) -> int:
    return first_week(week_of(ms // DAY)[0]) * DAY


def _set_week(ms: int, week: int) -> int:
    year, current = week_of(ms // DAY)
    _check(week, 1, weeks_in_year(year))
    return ms + (week - current) * WEEK


def _floor_week(ms: int) -> int:
    return _start_of_day(ms) - (day_of_week(ms // DAY) - 1) * DAY


def _set_weekday(ms: int, weekday: int) -> int:
    _check(weekday, 1, 7)
    return ms + (weekday - day_of_week(ms // DAY)) * DAY


def _precise(name: str, unit: int, whole: int, *, zero_is_max: bool = False) -> Field:
    """A field of fixed length: *unit* within *whole* (milliseconds)."""
    size = whole // unit

    def set_value(ms: int, value: int) -> int:
        if zero_is_max:
            _check(value, 1, size)
            value %= size
        _check(value, 0, size - 1)
        return ms + (value - ms // unit % size) * unit

    return Field(name, whole, unit, set_value, lambda ms: ms - ms % unit)


ERA = Field("era", _INFINITE, _INFINITE, _set_era, _floor_era)
CENTURY_OF_ERA = Field("century", _INFINITE, 100 * YEAR, _set_century, _floor_century)
YEAR_FIELD = Field("year", _INFINITE, YEAR, set_year, _floor_year)
YEAR_OF_ERA = Field("year of era", _INFINITE, YEAR, _set_year_of_era, _floor_year)
WEEK_YEAR = Field("week-year", _INFINITE, YEAR, _set_week_year, _floor_week_year)
MONTH_OF_YEAR = Field("month", YEAR, MONTH, _set_month, _floor_month)
WEEK_OF_YEAR = Field("week", YEAR, WEEK, _set_week, _floor_week)
DAY_OF_YEAR = Field("day of year", YEAR, DAY, _set_day_of_year, _start_of_day)
DAY_OF_MONTH = Field("day", MONTH, DAY, _set_day_of_month, _start_of_day)
DAY_OF_WEEK = Field("weekday", WEEK, DAY, _set_weekday, _start_of_day)
HALF_OF_DAY = _precise("half of day", HALF_DAY, DAY)
HOUR_OF_DAY = _precise("hour", HOUR, DAY)
HOUR_OF_HALF = _precise("hour of half-day", HOUR, HALF_DAY)
CLOCK_HOUR_OF_DAY = _precise("clock hour", HOUR, DAY, zero_is_max=True)
CLOCK_HOUR_OF_HALF = _precise("clock hour of half-day", HOUR, HALF_DAY, zero_is_max=True)
MINUTE_OF_HOUR = _precise("minute", MINUTE, HOUR)
SECOND_OF_MINUTE = _precise("second", SECOND, MINUTE)
FRACTION_OF_SECOND = _precise("fraction of second", 1, SECOND)
FRACTION_OF_MINUTE = _precise("fraction of minute", 1, MINUTE)
FRACTION_OF_HOUR = _precise("fraction of hour", 1, HOUR)
