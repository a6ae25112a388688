"""
Date patterns of Joda-Time (``yyyy-MM-dd'T'HH:mm:ss.SSSZZ``): printing in UTC, parsing in any zone.

Source: Joda-Time 2.x, `DateTimeFormat`, `DateTimeFormatterBuilder`, `DateTimeParserBucket`, `ISODateTimeFormat`.
"""

from __future__ import annotations

from clew.pipeline.joda.formatter import DateParser, iso8601_parsers, pattern_parser
from clew.pipeline.joda.names import UnknownLocaleError, locale_names
from clew.pipeline.joda.pattern import PatternError
from clew.pipeline.joda.printer import printer

__all__ = [
    "DateParser", "PatternError", "UnknownLocaleError", "iso8601_parsers", "locale_names", "pattern_parser", "printer",
]
