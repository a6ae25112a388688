"""
Days, years and weeks of the proleptic Gregorian calendar, for any year (Python's datetime ends at 9999).

Days are counted from 1970-01-01. Algorithm for civil dates: Howard Hinnant, "chrono-Compatible Low-Level Date
Algorithms".
"""

from __future__ import annotations

from functools import lru_cache

_BEFORE_MONTH = (0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
_LENGTHS = (0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def days_in_month(year: int, month: int) -> int:
    return 29 if month == 2 and is_leap(year) else _LENGTHS[month]


def days_from_civil(year: int, month: int, day: int) -> int:
    """The day's number; *day* may lie beyond the month."""
    shifted = year - (month <= 2)
    era, year_of_era = divmod(shifted, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468


@lru_cache(maxsize=4096)
def civil_from_days(days: int) -> tuple[int, int, int]:
    """Year, month and day of that number."""
    era, day_of_era = divmod(days + 719468, 146097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    month = shifted_month + (3 if shifted_month < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * shifted_month + 2) // 5 + 1


def day_of_week(days: int) -> int:
    """1 is Monday, 7 is Sunday."""
    return (days + 3) % 7 + 1


def day_of_year(days: int) -> int:
    """1 is the first of January."""
    year, month, day = civil_from_days(days)
    return _BEFORE_MONTH[month] + day + (month > 2 and is_leap(year))


def first_week(year: int) -> int:
    """The Monday with which the ISO week-year begins."""
    january_4 = days_from_civil(year, 1, 4)
    return january_4 - day_of_week(january_4) + 1


def weeks_in_year(year: int) -> int:
    return (first_week(year + 1) - first_week(year)) // 7


def week_of(days: int) -> tuple[int, int]:
    """ISO week-year and week."""
    year = civil_from_days(days - day_of_week(days) + 4)[0]  # the year of the week's Thursday
    return year, (days - first_week(year)) // 7 + 1
