"""
The filter `date` (logstash-filter-date 3.1): a moment from a field, to the millisecond.

Formats are tried in turn. A field that is absent or null is left alone; what no format fits is tagged.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from clew.pipeline import joda
from clew.pipeline.calendar import civil_from_days
from clew.pipeline.event import Event
from clew.pipeline.fields import EventError, reference
from clew.pipeline.joda.fields import DAY, set_year
from clew.pipeline.joda.names import Names, locale_names
from clew.pipeline.options import Option, OptionError, Options
from clew.pipeline.plugin import Filter, FilterPlugin, Tools
from clew.pipeline.sprintf import Template, template
from clew.pipeline.timestamp import Timestamp
from clew.pipeline.zones import UnknownZoneError, local_to_utc_ms, offset_ms, zone

_MAX_EPOCH_S = 2**31 - 1
_MAX_LONG = 2**63 - 1

Parse = Callable[[object, Event], int]
"""Milliseconds since the epoch. Raises ValueError if the value does not fit."""


def _build(options: Options, tools: Tools, matched: Callable[[Event], None]) -> Filter:
    match = options.texts("match")
    if len(match) < 2:
        raise OptionError("match", "must begin with a field, followed by at least one format")
    source = reference(match[0])
    target = reference(options.text("target"))
    tags = options.texts("tag_on_failure")
    formats = _Formats(options, tools)
    parsers = [formats.parser(pattern) for pattern in match[1:]]

    def apply(event: Event) -> None:
        value = event.value(source)
        if value is None:
            return
        for parse in parsers:
            try:
                ms = parse(value, event)
            except ValueError:  # the next format may fit
                continue
            event.set(target, Timestamp(ms * 1_000_000))
            matched(event)
            return
        for tag in tags:
            event.tag(tag)

    return apply


class _Formats:
    """Makes parsers of formats, in the filter's locale and zone."""

    def __init__(self, options: Options, tools: Tools) -> None:
        self._locale = options.text("locale") or "en"
        self._tools = tools
        self._zone = self._zone_of(options.text("timezone"))

    def parser(self, pattern: str) -> Parse:
        if pattern == "UNIX":
            return _unix
        if pattern == "UNIX_MS":
            return _unix_ms
        if pattern == "TAI64N":
            return _tai64n
        if pattern == "ISO8601":
            return self._iso8601()
        try:
            return self._joda(pattern)
        except (joda.PatternError, joda.UnknownLocaleError) as wrong:
            option = "locale" if isinstance(wrong, joda.UnknownLocaleError) else "match"
            raise OptionError(option, f"cannot be used: {str(wrong).rstrip('.')}") from wrong

    def _names(self) -> Names:
        return locale_names(self._locale)

    def _now_ms(self) -> int:
        return self._tools.clock_ns() // 1_000_000

    def _zone_of(self, name: str) -> Callable[[Event], tzinfo]:
        if "%{" in name:
            named: Template = template(name)
            return lambda event: zone(named(event))
        try:
            fixed = zone(name or "UTC")
        except UnknownZoneError as unknown:
            raise OptionError("timezone", f"must be a zone id or an offset such as +05:30; it is '{name}'") from unknown
        return lambda event: fixed

    def _iso8601(self) -> Parse:
        parsers = joda.iso8601_parsers()

        def parse(value: object, event: Event) -> int:
            text, where = _text(value), self._zone(event)
            for parser in parsers[:-1]:
                try:
                    return parser.bucket(text, where, 2000).utc_ms()
                except ValueError:  # the next shape may fit
                    continue
            return parsers[-1].bucket(text, where, 2000).utc_ms()

        return parse

    def _joda(self, pattern: str) -> Parse:
        parser = joda.pattern_parser(pattern, self._names, self._now_ms())
        if "y" in pattern or "Y" in pattern:  # inside quotes, too: Logstash looks no closer
            year = civil_from_days(self._now_ms() // DAY)[0]
            return lambda value, event: parser.bucket(_text(value), self._zone(event), year).utc_ms()
        return lambda value, event: self._without_year(parser, "Z" in pattern, _text(value), self._zone(event))

    def _without_year(self, parser: joda.DateParser, has_offset: bool, text: str, where: tzinfo) -> int:
        """The year nearest to now: December seen in January was last year, January seen in December is next year."""
        now_year, now_month, _ = civil_from_days(self._now_ms() // DAY)
        bucket = parser.bucket(text, where, now_year)
        if has_offset:
            utc = bucket.utc_ms()
            local = utc + offset_ms(utc, where)
        else:
            local = bucket.local_ms()
            local_to_utc_ms(local, where)  # a time that clocks skipped in the year given is refused
        month = civil_from_days(local // DAY)[1]
        year = now_year - (month == 12 and now_month == 1) + (month == 1 and now_month == 12)
        return local_to_utc_ms(set_year(local, year), where, strict=False)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("only text has a date")
    return value


def _long(text: str) -> int:
    """As Java's Long.parseLong: an optional sign and digits."""
    if not text.lstrip("+-").isdecimal() or len(text) - len(text.lstrip("+-")) > 1 or abs(int(text)) > _MAX_LONG:
        raise ValueError(text)
    return int(text)


def _seconds(value: int) -> int:
    if value > _MAX_EPOCH_S:
        raise ValueError("beyond the last second that fits into 32 bits")
    return value * 1000


def _unix(value: object, event: Event) -> int:
    """Seconds since the epoch; of the decimals three count, and count upwards even before 1970."""
    if isinstance(value, str):
        whole, point, decimals = value.partition(".")
        ms = _seconds(_long(whole))
        counted = decimals[:3]
        return ms + _long(counted) * 10 ** (3 - len(counted)) if point else ms
    number = _number(value)
    if isinstance(number, float):
        _seconds(int(number))
        return int(number * 1000)
    return _seconds(number)


def _unix_ms(value: object, event: Event) -> int:
    return _long(value) if isinstance(value, str) else int(_number(value))


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _MAX_LONG:
        raise ValueError("only numbers and text count seconds")
    return value


def _tai64n(value: object, event: Event) -> int:
    """:raises EventError: it is too short; the real engine stops there."""
    text = _text(value).removeprefix("@")
    if len(text) < 16:
        raise EventError("a TAI64N label has at least 16 digits")
    seconds = int(text[:16], 16) & (2**62 - 1)
    if len(text) < 24:
        raise EventError("a TAI64N label has 24 digits")
    return (seconds - 10) * 1000 + int(text[16:24], 16) // 1_000_000


PLUGIN = FilterPlugin(
    "date",
    (
        Option("match", "list"),
        Option("target", "field", "@timestamp"),
        Option("timezone"),
        Option("locale"),
        Option("tag_on_failure", "list", ["_dateparsefailure"]),
    ),
    _build,
)
