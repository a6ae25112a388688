"""JSON where readers differ: what Jackson does with it, and with what orjson would get wrong."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.pipeline.jsontext import NO_VALUE, JsonError, first_value, last_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a":1,"a":2}', {"a": 2}),
        ("18446744073709551616", 18446744073709551616),
        ("-123456789012345678901234567890", -123456789012345678901234567890),
        ("1e400", float("inf")),
        ('{"a":1} and more', {"a": 1}),
        (r'"\ud800x"', "?x"),
        (r'"\ud83d\ude00"', "😀"),
        ("[" * 200 + "]" * 200, json.loads("[" * 200 + "]" * 200)),
    ],
)
def test_the_codec_reads_the_first_value_exactly(text: str, value: object) -> None:
    assert first_value(text.encode()) == value


BROKEN = [
    "NaN", '{"a":Infinity}', "01", "1x", "+1", "'a'", "{a:1}", '"\t"', "[1,]", "", "\ufeff{}", "1" * 1001,
    "[" * 201 + "]" * 201,
]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        first_value(text.encode())


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a":1}{"b":2}', {"b": 2}), (" 1 [2] ", [2]), ("\ufeff{}", {}), (r'"\ud800x"', "x"), ("-0.0", 0.0), ("-0", 0)],
)
def test_the_filter_reads_the_last_of_several_values(text: str, value: object) -> None:
    assert last_value(text) == value


def test_negative_zero_loses_its_sign_in_the_filter_only() -> None:
    assert str(last_value("[-0.0]")) == "[0.0]"
    assert str(first_value(b"[-0.0]")) == "[-0.0]"


def test_blank_text_has_no_value() -> None:
    assert last_value(" \n") is NO_VALUE


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


@settings(max_examples=50, deadline=None)
@given(JSON)
def test_what_json_says_is_what_is_read(value: object) -> None:
    text = json.dumps(value)
    assert first_value(text.encode()) == value
    assert last_value(text) == value
