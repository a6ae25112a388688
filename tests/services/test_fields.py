from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability import Problem
from services.shared.fields import MOST_ERRORS, Fields, is_plain
from tests.services.outcomes import outcome


def complaints(values: dict[str, Any]) -> dict[str, str]:
    """What is wrong with *values* as something with a text, a number, a choice and one to three things."""
    fields = Fields(values)
    fields.text("text", longest=5, shortest=2)
    fields.whole("number", least=1, most=9)
    fields.choice("choice", {"a", "b"}, says="must be a or b")
    for thing in fields.objects("things", most=3):
        thing.whole("size", least=0, most=1)
    problem = outcome(fields.check)
    return {error["field"]: error["detail"] for error in problem.extra["errors"]} if problem else {}


GOOD = {"text": "abc", "number": 5, "choice": "a", "things": [{"size": 1}]}


def test_an_object_in_order_has_no_complaint() -> None:
    assert complaints(GOOD) == {}


def test_all_complaints_come_at_once() -> None:
    assert complaints({"text": 1, "number": "5", "choice": "c", "things": [{}, 7], "extra": 1}) == {
        "text": "must be a string, not a number",
        "number": "must be a whole number, not a string",
        "choice": "must be a or b",
        "things[0].size": "is missing",
        "things[1]": "must be an object, not a number",
        "extra": "is unknown; known are choice, number, text, things",
    }


def test_an_empty_object_lacks_everything() -> None:
    assert complaints({}) == dict.fromkeys(("text", "number", "choice", "things"), "is missing")


@pytest.mark.parametrize(
    ("field", "value", "detail"),
    [
        ("number", True, "must be a whole number, not a boolean"),
        ("number", 5.5, "must be a whole number, not a number"),
        ("number", 10**400, "must be from 1 to 9"),
        ("number", 0, "must be from 1 to 9"),
        ("number", None, "must not be null"),
        ("text", "a", "must have 2 to 5 characters, not 1"),
        ("text", "abcdef", "must have 2 to 5 characters, not 6"),
        ("text", "   ", "must not be blank"),
        ("text", "a\0b", "must not contain control characters or line breaks"),
        ("text", "a\nb", "must not contain control characters or line breaks"),
        ("text", "a\u202eb", "must not contain control characters or line breaks"),
        ("text", ["a"], "must be a string, not a list"),
        ("choice", ["a"], "must be a string, not a list"),
        ("choice", {"a": 1}, "must be a string, not an object"),
        ("things", {}, "must be a list, not an object"),
        ("things", [], "must have 1 to 3 entries, not 0"),
        ("things", [{"size": 1}] * 4, "must have 1 to 3 entries, not 4"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(field: str, value: object, detail: str) -> None:
    assert complaints(GOOD | {field: value}) == {field: detail}


def test_an_unknown_field_inside_a_list_is_refused_by_its_place() -> None:
    assert complaints(GOOD | {"things": [{"size": 1, "card_number": "4111"}]}) == {
        "things[0].card_number": "is unknown; known are size"
    }


def test_a_refusal_is_bounded_however_much_is_wrong() -> None:
    fields = Fields({f"{'x' * 1000}{number}": 1 for number in range(500)})
    with pytest.raises(Problem) as refused:
        fields.check()
    assert len(refused.value.extra["errors"]) == MOST_ERRORS
    assert max(len(error["field"]) for error in refused.value.extra["errors"]) <= 64
    assert refused.value.detail.startswith("500 things are wrong")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["text", "number", "choice", "things", "other"]), json_values))
def test_whatever_comes_it_is_read_or_refused_and_never_crashes(values: dict[str, Any]) -> None:
    complaints(values)


@pytest.mark.parametrize("name", ["Ada", "Zoë", "李小龙", "Đặng Thị Ngọc", "O’Brien-Smith Jr.", "محمد", "נועה", "👩‍💻"])
def test_names_of_people_are_plain_text(name: str) -> None:
    assert is_plain(name)
