"""Texts with places for fields and moments."""

from __future__ import annotations

import pytest

from clew.pipeline import Event
from clew.pipeline.fields import EventError
from clew.pipeline.sprintf import template

NS = 1_735_563_600_123_456_789  # 2024-12-30T13:00:00.123456789Z, a Monday


def text(pattern: str, **fields: object) -> str:
    return template(pattern)(Event({"@timestamp": "2024-12-30T13:00:00.123456789Z", **fields}, 0))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("x", "x"), (5, "5"), (5.0, "5.0"), (1e8, "1.0E8"), (0.0001, "1.0E-4"), (True, "true"), (2**70, str(2**70)),
        (["a", None, [1, 2.5]], "a,,1,2.5"), ({"k": [1.0e10, '\x01é"']}, '{"k":[1.0E10,"\\u0001é\\""]}'),
        ([{"k": 1}], "{k=1}"), ([], ""), ({}, "{}"), ("", ""),
    ],
)
def test_a_value_is_shown_as_java_shows_it(value: object, shown: str) -> None:
    assert text("%{a}", a=value) == shown


def test_what_is_absent_or_null_stays_as_written() -> None:
    assert text("%{a} %{[b][c]} %{d", a=None, b={"x": 1}) == "%{a} %{[b][c]} %{d"


def test_list_items_are_named_by_number_from_either_end() -> None:
    assert text("%{[a][0]}%{[a][-1]}%{[a][2]}", a=["p", "q"]) == "pq%{[a][2]}"


@pytest.mark.parametrize(
    ("pattern", "shown"),
    [
        ("%{+YYYY.MM.dd}", "2024.12.30"),
        ("%{+xxxx-'W'ww-e}", "2025-W01-1"),
        ("%{+EEE EEEE MMM MMMM d DDD}", "Mon Monday Dec December 30 365"),
        ("%{+HH:mm:ss.SSS h K k a}", "13:00:00.123 1 1 13 PM"),
        ("%{+SSSSSS}", "123000"),
        ("%{+C G yy ZZ z}", "20 AD 24 +00:00 UTC"),
        ("%{} %{+%s} %{+}", "1735563600 1735563600 1735563600"),
        ("%{{yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX}}", "2024-12-30T13:00:00.123456Z"),
        ("%{{YYYY w e EEEE Q QQQ A}}", "2025 1 2 Monday 4 Q4 46800123"),
    ],
)
def test_the_moment_is_printed_by_joda_or_java_patterns(pattern: str, shown: str) -> None:
    assert text(pattern) == shown


def test_an_event_without_moment_prints_nothing_for_it() -> None:
    event = Event({}, 0)
    del event.data["@timestamp"]
    assert template("[%{+YYYY}%{{yyyy}}%{+%s}]")(event) == "[]"


@pytest.mark.parametrize("pattern", ["%{[a}", "%{a]}", "%{[a][]}", "%{+UNIX}", "%{+j}x", "%{{a}", "%{{bbb}}"])
def test_what_is_malformed_fails_as_it_does_in_logstash(pattern: str) -> None:
    with pytest.raises(EventError):
        text(pattern, a=1)
