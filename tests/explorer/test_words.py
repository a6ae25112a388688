"""Numbers and foreign text as a person reads them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clew.query.document import encode
from clew.query.words import clock, iso, one_line, plain, plural, visible
from tests.support.story import NASTY, NOW


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "–"), (0.0, "ms", "0 ms"), (0.042, "ms", "0.04 ms"), (9.94, "ms", "9.9 ms"), (93.4, "ms", "93 ms"),
        (999.6, "ms", "1 s"), (1931.0, "ms", "1.93 s"), (150_000, "ms", "2 min"), (7_300_000, "ms", "2 h"),
        (172_800_000, "ms", "2 d"), (-12.0, "ms", "-12 ms"), (0.061, "%", "6.1 %"), (0.31, "%", "31 %"),
        (0, "%", "0 %"), (12.14, "req/s", "12.1 req/s"), (0.25, "req/s", "0.25 req/s"),
        (1234567, "", "1\u202f234\u202f567"),
        (48_200_000, "B", "48.2 MB"), (10, "", "10"),
    ],
)
def test_every_number_has_its_unit_and_no_more_digits_than_it_needs(
    value: float | None, unit: str, text: str
) -> None:
    assert plain(value, unit) == text


@given(st.text())
def test_no_text_can_act(text: str) -> None:
    shown = one_line(text)
    acting = [(0, 31), (127, 159), (0x202A, 0x202E), (0x2066, 0x2069)]
    assert not [c for c in shown if any(low <= ord(c) <= high for low, high in acting)]
    shown.encode()


def test_what_acts_is_spelled_out() -> None:
    assert one_line(NASTY) == '<script>alert("1")</script> \\x1b[31mred\\x1b[0m </pre> & \\u202etxt'
    assert visible("a\n\tb\r") == "a\n\tb\\x0d"
    assert one_line("a\nb") == "a\\nb"


def test_times_are_utc_with_microseconds() -> None:
    assert iso(NOW + 412_345_678) == "2026-11-21T14:07:00.412345Z"
    assert clock(NOW + 412_345_678) == "14:07:00.412"
    assert clock(NOW, 0) == "14:07:00"
    assert (plural(1, "span"), plural(2, "span"), plural(0, "entry", "entries")) == ("1 span", "2 spans", "0 entries")


def test_a_document_is_json_whatever_was_stored() -> None:
    odd = {"nan": float("nan"), "inf": float("inf"), "big": 2**70, "lone": "\ud800", "list": (1, "x", None, True)}
    read = json.loads(encode(odd))
    assert read == {"nan": None, "inf": None, "big": 2**70, "lone": "\ud800", "list": [1, "x", None, True]}
    with pytest.raises(TypeError, match="JSON does not know"):
        encode(object())
