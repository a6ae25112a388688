from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability import Problem
from services.shared.body import parse_object
from tests.services.outcomes import outcome

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
    max_leaves=4,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), json_values))
def test_every_proper_json_object_is_read_as_it_was_meant(value: dict[str, object]) -> None:
    assert parse_object(json.dumps(value).encode()) == value


BAD = {
    "empty": (b"", "not JSON"),
    "not JSON": (b"{'a': 1}", "line 1, column 2"),
    "cut off": (b'{"a": [1, 2', "not JSON"),
    "two documents": (b"{} {}", "not JSON"),
    "array": (b"[1]", "not a list"),
    "string": (b'"hello"', "not a string"),
    "null": (b"null", "not null"),
    "true": (b"true", "not a boolean"),
    "NaN": (b'{"a": NaN}', "NaN is no JSON number"),
    "Infinity": (b'{"a": -Infinity}', "-Infinity is no JSON number"),
    "a float beyond floats": (b'{"a": 1e999}', "too large"),
    "an integer with 5000 digits": (b'{"a": ' + b"9" * 5000 + b"}", "too large"),
    "a name twice": (b'{"a": 1, "b": 2, "a": 3}', "the name 'a' twice"),
    "a name twice, deep inside": (b'{"x": [{"a": 1, "a": 1}]}', "the name 'a' twice"),
    "a lone surrogate": (b'{"a": "\\ud800"}', "lone surrogate"),
    "a lone surrogate as a name": (b'{"\\udfff": 1}', "lone surrogate"),
    "a lone surrogate twice": (b'{"\\udfff": 1, "\\udfff": 1}', "twice"),
    "invalid UTF-8": (b'{"a": "\xff"}', "not UTF-8: byte 7"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "not JSON"),
    "nested 30,000 times": (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested too deeply"),
}


@pytest.mark.parametrize(("raw", "said"), BAD.values(), ids=BAD)
def test_a_body_that_is_no_json_object_is_refused_in_a_clear_sentence(raw: bytes, said: str) -> None:
    with pytest.raises(Problem, match=said) as refused:
        parse_object(raw)
    assert refused.value.word == "invalid"
    refused.value.detail.encode("utf-8")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_end_in_anything_but_an_object_or_a_problem(raw: bytes) -> None:
    read = outcome(lambda: parse_object(raw))
    assert read.status == 400 if isinstance(read, Problem) else isinstance(read, dict)


def test_a_refusal_never_repeats_a_value() -> None:
    with pytest.raises(Problem) as refused:
        parse_object(b'{"password": "hunter2" "x"}')
    assert "hunter2" not in refused.value.detail
