"""The `date` filter and the moments below it, beyond the recorded cases."""

from __future__ import annotations

import pytest

from clew.pipeline import Timestamp
from tests.pipeline.runner import compiled, plain


def parsed(text: object, *formats: str, options: str = "") -> str | None:
    """What the formats make of *text*; None if none fits."""
    listed = ", ".join(f'"{one}"' for one in formats)
    pipeline = compiled(f'filter {{ date {{ match => ["t", {listed}] target => "d" {options} }} }}')
    return plain(pipeline.process([pipeline.new_event({"t": text})])[0]).get("d")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-04-17T10:20:30.123456789Z", "2025-04-17T10:20:30.123Z"),
        ("2025-04-17T10:20:30,5+02:00", "2025-04-17T08:20:30.500Z"),
        ("2025-04-17T10:20:30+0530", "2025-04-17T04:50:30.000Z"),
        ("2025-04-17T10.5", "2025-04-17T10:30:00.000Z"),
        ("2025-04-17T10:20.25", "2025-04-17T10:20:15.000Z"),
        ("2025-04-17T", "2025-04-17T00:00:00.000Z"),
        ("2025-W16-4", "2025-04-17T00:00:00.000Z"),
        ("2025-107", "2025-04-17T00:00:00.000Z"),
        ("2025-2-3", "2025-02-03T00:00:00.000Z"),
        ("T10:20", "1970-01-01T10:20:00.000Z"),
        ("2025-04-17 10:20:30.5Z", "2025-04-17T10:20:30.500Z"),
        ("2025-04-17 10:20:30,5", "2025-04-17T10:20:30.500Z"),
        ("-0044-03-15", "-0044-03-15T00:00:00.000Z"),
        ("2025-04-17 10:20:30", None),
        ("2025-04-17T10:20:30 ", None),
        ("2025-02-29", None),
        ("2025-04-17T24:00", None),
        ("2025-04-17T10:20:30+2", None),
    ],
)
def test_iso8601_is_read_as_joda_reads_it(text: str, moment: str | None) -> None:
    assert parsed(text, "ISO8601") == moment


@pytest.mark.parametrize(
    ("text", "pattern", "moment"),
    [
        ("17/Apr/2025:10:20:30 +0200", "dd/MMM/yyyy:HH:mm:ss Z", "2025-04-17T08:20:30.000Z"),
        ("17 APRIL 2025", "dd MMM yyyy", "2025-04-17T00:00:00.000Z"),
        ("25-4-7 1:02 pm", "yy-M-d h:mm a", "2025-04-07T13:02:00.000Z"),
        ("12 am", "hh a", "2026-01-01T00:00:00.000Z"),
        ("75", "yy", "1975-01-01T00:00:00.000Z"),
        ("45", "yy", "2045-01-01T00:00:00.000Z"),
        ("46", "yy", "1946-01-01T00:00:00.000Z"),
        ("2025", "yy", "2025-01-01T00:00:00.000Z"),
        ("20250417", "yyyyMMdd", "2025-04-17T00:00:00.000Z"),
        ("2025-107T5", "yyyy-DDD'T'k", "2025-04-17T05:00:00.000Z"),
        ("2024-W53", "xxxx-'W'ww", None),
        ("2020-W53-7", "xxxx-'W'ww-e", "2026-01-03T00:00:00.000Z"),
        ("44 BC", "Y G", "-0043-01-01T00:00:00.000Z"),
        ("it''s 2025", "'it''''s' yyyy", "2025-01-01T00:00:00.000Z"),
        ("2025-04-17 10:00 Europe/Berlin", "yyyy-MM-dd HH:mm ZZZ", "2025-04-17T08:00:00.000Z"),
        ("2025-04-17 10:00 EST", "yyyy-MM-dd HH:mm z", "2025-04-17T14:00:00.000Z"),
        ("2025-04-17 10:00 CEST", "yyyy-MM-dd HH:mm z", None),
        ("10:00:00.1234567", "HH:mm:ss.SSSSSSS", "2026-01-01T10:00:00.123Z"),
        ("2025-13-01", "yyyy-MM-dd", None),
        ("2025-04-17x", "yyyy-MM-dd", None),
        ("20 25", "CC yy", "2025-01-01T00:00:00.000Z"),
        ("9999999999", "yyyy", None),
    ],
)
def test_patterns_are_read_as_joda_reads_them(text: str, pattern: str, moment: str | None) -> None:
    assert parsed(text, pattern) == moment


def test_a_pattern_without_year_takes_the_nearest() -> None:
    """The clock of these tests stands in November 2026."""
    assert parsed("Jan 01 00:00:00", "MMM dd HH:mm:ss") == "2026-01-01T00:00:00.000Z"
    assert parsed("Apr 17 10:00 +0200", "MMM dd HH:mm Z") == "2026-04-17T08:00:00.000Z"


def test_a_time_that_clocks_skipped_does_not_exist_and_one_shown_twice_is_the_earlier() -> None:
    berlin = 'timezone => "Europe/Berlin"'
    assert parsed("2025-03-30 02:30", "yyyy-MM-dd HH:mm", options=berlin) is None
    assert parsed("2025-10-26 02:30", "yyyy-MM-dd HH:mm", options=berlin) == "2025-10-26T00:30:00.000Z"


@pytest.mark.parametrize("locale", ["de", "de-AT", "de_CH"])
def test_names_are_those_of_the_locale(locale: str) -> None:
    assert parsed("3. März 2025", "d. MMMM yyyy", options=f'locale => "{locale}"') == "2025-03-03T00:00:00.000Z"


@pytest.mark.parametrize(
    ("value", "pattern", "moment"),
    [
        ("1744880000.75", "UNIX", "2025-04-17T08:53:20.750Z"),
        (1744880000.75, "UNIX", "2025-04-17T08:53:20.750Z"),
        (True, "UNIX", None),
        (2**31, "UNIX", None),
        ("1744880000750", "UNIX_MS", "2025-04-17T08:53:20.750Z"),
        (-1, "UNIX_MS", "1969-12-31T23:59:59.999Z"),
        ("4000000050d506482dbdf024", "TAI64N", "2012-12-22T01:00:46.767Z"),
    ],
)
def test_counted_seconds_are_read_from_text_and_numbers(value: object, pattern: str, moment: str | None) -> None:
    assert parsed(value, pattern) == moment


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2020-01-01T00:00:00.123456Z", "2020-01-01T00:00:00.123456Z"),
        ("2020-01-01T00:00:00.123456789z", "2020-01-01T00:00:00.123456789Z"),
        ("2020-01-01t00:00:00.1200", "2020-01-01T00:00:00.120Z"),
        ("2020-02-30", "2020-02-29T00:00:00.000Z"),
        ("2020-01-01T24:00", "2020-01-02T00:00:00.000Z"),
        ("2020-07-01T00:00Europe/Paris", "2020-06-30T22:00:00.000Z"),
        ("+12345-01-01", "+12345-01-01T00:00:00.000Z"),
    ],
)
def test_a_timestamp_keeps_every_digit(text: str, shown: str) -> None:
    assert str(Timestamp.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "bad", "2020-1-1", "2020-01-01 00:00", "2020-01-01T25:00", "2020-01-01T00:00+19:00"]
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Timestamp.parse(text)
