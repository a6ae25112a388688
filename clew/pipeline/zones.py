"""
Time zones: ids as Joda-Time reads them, and the way from local time to UTC.

The zone data is the interpreter's (`zoneinfo`), read when a zone is first named.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_OFFSET = re.compile(r"([+-])(\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,]?(\d{1,3}))?)?)?", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_+\-/]+")
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local times are counted from it
_FIRST_MS = -62_135_596_800_000 + 2 * 86_400_000
_LAST_MS = 253_402_300_799_000 - 2 * 86_400_000


class UnknownZoneError(ValueError):
    """No zone has that id."""


class LocalTimeError(ValueError):
    """That local time does not exist: clocks were put forward over it."""


@lru_cache(maxsize=256)
def named_zone(name: str) -> ZoneInfo:
    """
    The zone of the tz database with that id, spelt exactly so.

    :raises UnknownZoneError: there is none.
    """
    if not _ID.fullmatch(name):
        raise UnknownZoneError(name)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as missing:
        raise UnknownZoneError(name) from missing


@lru_cache(maxsize=256)
def zone(zone_id: str) -> tzinfo:
    """
    A zone id (``Europe/Berlin``, ``EST``) or an offset with two-digit hours (``+05:30``, ``UTC+03:00``).

    :raises UnknownZoneError: it is neither.
    """
    if zone_id in ("UTC", "UT", "GMT", "Z"):
        return UTC
    try:
        return named_zone(zone_id)
    except UnknownZoneError:
        offset = re.sub(r"^(?:UTC|GMT|UT)(?=[+-])", "", zone_id)
        match = _OFFSET.fullmatch(offset)
        if match is None or int(match[2]) > 23 or int(match[3] or 0) > 59 or int(match[4] or 0) > 59:
            raise UnknownZoneError(zone_id) from None
    distance = timedelta(
        hours=int(match[2]),
        minutes=int(match[3] or 0),
        seconds=int(match[4] or 0),
        milliseconds=int((match[5] or "").ljust(3, "0")),
    )
    return timezone(distance if match[1] == "+" else -distance)


def offset_ms(utc_ms: int, where: tzinfo) -> int:
    """How far local time is ahead of UTC at that moment (milliseconds; negative west of Greenwich)."""
    if where is UTC:
        return 0
    bounded = min(max(utc_ms, _FIRST_MS), _LAST_MS)
    moment = (_EPOCH + timedelta(milliseconds=bounded)).replace(tzinfo=UTC)
    offset = moment.astimezone(where).utcoffset()
    return 0 if offset is None else offset // timedelta(milliseconds=1)


def local_to_utc_ms(local_ms: int, where: tzinfo, *, strict: bool = True) -> int:
    """
    The moment at which clocks there show *local_ms*; of two (clocks put back), the earlier.

    :param strict: whether a time that clocks skipped is refused; else it is read with the offset before the gap.
    :raises LocalTimeError: strict, and clocks never showed it.
    """
    if where is UTC:
        return local_ms
    bounded = min(max(local_ms, _FIRST_MS), _LAST_MS)
    offset = (_EPOCH + timedelta(milliseconds=bounded)).replace(tzinfo=where).utcoffset()
    ahead = 0 if offset is None else offset // timedelta(milliseconds=1)
    utc_ms = local_ms - ahead
    if strict and offset_ms(utc_ms, where) != ahead:
        raise LocalTimeError(f"{local_ms} in {where}")
    return utc_ms
