"""A moment, exact to the nanosecond, as `LogStash::Timestamp` is since 8.0."""

from __future__ import annotations

import re
from functools import lru_cache, total_ordering

from clew.pipeline.calendar import civil_from_days, days_from_civil, days_in_month
from clew.pipeline.zones import local_to_utc_ms, zone

DAY_NS = 86_400 * 1_000_000_000

_ISO = re.compile(
    r"(\d{4}|\+\d{5,10}|-\d{4,10})-(\d\d)-(\d\d)"
    r"(?:[Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{0,9}))?)?)?"
    r"(?:[Zz]|([+-])(\d\d)(?::?(\d\d)(?::?(\d\d))?)?|([A-Za-z][A-Za-z0-9/_+:-]*))?",
    re.ASCII,
)


@total_ordering
class Timestamp:
    """Immutable. *ns* counts nanoseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ("ns",)

    def __init__(self, ns: int) -> None:
        self.ns = ns

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timestamp) and self.ns == other.ns

    def __lt__(self, other: Timestamp) -> bool:
        return self.ns < other.ns

    def __hash__(self) -> int:
        return hash(self.ns)

    def __repr__(self) -> str:
        return f"Timestamp({self})"

    def __str__(self) -> str:
        """RFC 3339 in UTC with three, six or nine digits after the second, as few as are exact but at least three."""
        day, rest = divmod(self.ns, DAY_NS)
        seconds, nanos = divmod(rest, 1_000_000_000)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        if nanos % 1_000_000 == 0:
            fraction = f"{nanos // 1_000_000:03d}"
        elif nanos % 1000 == 0:
            fraction = f"{nanos // 1000:06d}"
        else:
            fraction = f"{nanos:09d}"
        return f"{_date_text(day)}T{hour:02d}:{minute:02d}:{second:02d}.{fraction}Z"

    @staticmethod
    def parse(text: str) -> Timestamp:
        """
        What Logstash accepts as `@timestamp`: a date, optionally ``T`` and a time with up to nine decimals, optionally
        an offset or zone. Without a zone it is UTC (the real engine takes its machine's zone). As there, 30 February
        is the last of February, and 24:00 the next midnight.

        :raises ValueError: it is nothing of that kind.
        """
        match = _ISO.fullmatch(text)
        if match is None:
            raise ValueError(text)
        year, month, day, hour, minute, second, fraction, sign, *offset, zone_id = match.groups()
        seconds = _midnight(year, month, day)
        nanos = 0
        if hour is not None:
            seconds += _seconds_of_day(int(hour), int(minute), int(second or 0), fraction)
            nanos = int(fraction.ljust(9, "0")) if fraction else 0
        if sign is not None:
            seconds -= _offset_s(sign, *(int(part or 0) for part in offset))
        elif zone_id is not None:
            seconds = local_to_utc_ms(seconds * 1000, zone(zone_id), strict=False) // 1000
        return Timestamp(seconds * 1_000_000_000 + nanos)


@lru_cache(maxsize=1024)
def _date_text(day: int) -> str:
    year, month, day_of_month = civil_from_days(day)
    if 0 <= year <= 9999:
        return f"{year:04d}-{month:02d}-{day_of_month:02d}"
    return f"{'+' if year > 0 else '-'}{abs(year):04d}-{month:02d}-{day_of_month:02d}"


@lru_cache(maxsize=1024)
def _midnight(year: str, month: str, day: str) -> int:
    y, m, d = int(year), int(month), int(day)
    if not (1 <= m <= 12 and 1 <= d <= 31):
        raise ValueError(f"{year}-{month}-{day}")
    return days_from_civil(y, m, min(d, days_in_month(y, m))) * 86_400


def _seconds_of_day(hour: int, minute: int, second: int, fraction: str | None) -> int:
    midnight_after = hour == 24 and minute == 0 and second == 0 and not (fraction or "").strip("0")
    if (hour > 23 and not midnight_after) or minute > 59 or second > 59:
        raise ValueError(f"{hour}:{minute}:{second}")
    return hour * 3600 + minute * 60 + second


def _offset_s(sign: str, hours: int, minutes: int, seconds: int) -> int:
    total = hours * 3600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or total > 18 * 3600:
        raise ValueError(f"{sign}{hours}:{minutes}:{seconds}")
    return total if sign == "+" else -total
