"""Conditions: what holds for which value, and which events have no answer."""

from __future__ import annotations

import pytest

from clew.pipeline import ConfigError
from tests.pipeline.runner import compiled, plain

ABSENT = object()
VALUES: dict[str, object] = {
    "absent": ABSENT, "null": None, "false": False, "true": True, "empty": "", "'false'": "false", "'x'": "x",
    "'5'": "5", "5": 5, "5.0": 5.0, "0": 0, "[]": [], "['x']": ["x"], "[5]": [5], "{}": {}, "{x}": {"x": 1},
}


def answers(condition: str) -> dict[str, str]:
    """``T``, ``F`` or the reason of the drop, for each of VALUES in the field `a`."""
    found = {}
    for name, value in VALUES.items():
        pipeline = compiled(f"filter {{ if {condition} {{ mutate {{ add_tag => 'T' }} }} }}")
        events = pipeline.process([pipeline.new_event({} if value is ABSENT else {"a": value})])
        reasons = [reason for count in pipeline.counters for reason in count.dropped]
        found[name] = ("T" if "tags" in plain(events[0]) else "F") if events else reasons[0]
    return found


def holds_for(condition: str) -> set[str]:
    return {name for name, answer in answers(condition).items() if answer == "T"}


def dropped_by(condition: str) -> set[str]:
    return {name for name, answer in answers(condition).items() if answer == "condition_not_comparable"}


def test_a_field_holds_unless_it_is_absent_null_false_empty_or_the_word_false() -> None:
    assert set(VALUES) - holds_for("[a]") == {"absent", "null", "false", "empty", "'false'"}


def test_equality_is_by_type_and_value() -> None:
    assert holds_for("[a] == 5") == {"5"}
    assert holds_for("[a] == 5.0") == {"5.0"}
    assert holds_for('[a] == "5"') == {"'5'"}
    assert holds_for('[a] != "5"') == set(VALUES) - {"'5'"}


def test_two_absent_fields_are_equal() -> None:
    assert holds_for("[b] == [c]") == set(VALUES)


def test_a_comparison_with_something_absent_or_of_another_type_drops_the_event() -> None:
    """The event is gone in Logstash, too (since 8.16); here it is counted. Null and booleans are merely not greater."""
    assert holds_for("[a] > 4") == {"5", "5.0"}
    assert dropped_by("[a] > 4") == set(VALUES) - {"5", "5.0", "0", "null", "true", "false"}
    assert holds_for("[a] <= 4") == {"0", "null", "true", "false"}


def test_a_comparison_that_would_stop_the_real_engine_drops_the_event_with_that_reason() -> None:
    assert answers("[a] > [nowhere]")["5"] == "condition_crash"


def test_text_is_compared_by_code_points() -> None:
    assert holds_for('"10" < "9"') == set(VALUES)


def test_one_string_in_brackets_is_a_field_with_quotes_in_its_name() -> None:
    """``[a] in ["x"]`` looks like a list of one; the grammar reads a field reference."""
    assert holds_for('[a] in ["x"]') == set()
    assert holds_for('[a] in ["x","y"]') == {"'x'"}


def test_membership_in_a_list_goes_by_text() -> None:
    assert holds_for('[a] in ["5", "[x]"]') == {"'5'", "5", "['x']"}


def test_a_string_is_in_strings_and_lists_a_number_only_in_lists() -> None:
    assert holds_for('"x" in [a]') == {"'x'", "['x']"}
    assert holds_for("5 in [a]") == {"[5]"}
    assert holds_for('"x" not in [a]') == set(VALUES) - {"'x'", "['x']"}


def test_only_strings_match_a_pattern() -> None:
    assert holds_for("[a] =~ /[5x]/") == {"'x'", "'5'"}
    assert holds_for("[a] !~ /[5x]/") == set(VALUES) - {"'x'", "'5'"}


def test_a_variable_is_replaced_in_a_quoted_string() -> None:
    pipeline = compiled('filter { if [a] == "${WANTED:x}" { drop {} } }', environment={"WANTED": "y"})
    assert pipeline.process([pipeline.new_event({"a": "y"})]) == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("size([a]) == 1", "conditions have no functions."),
        ("[a] == /x/", "a pattern can only stand after =~ or !~."),
        ('5 > "5"', "constants of different types cannot be compared."),
        ('"x" and [a]', "a constant cannot be a condition here."),
        ("5 =~ /x/", "only a field or a string can be matched against a pattern."),
        ('["a","b"] in [a]', "'in' takes a field on one side, and no list, function or pattern on the left."),
        ("[a] =~ /(/", "'(' has an unmatched parenthesis."),
        (r"[a] =~ /\p{L}/", r"'\p{L}' uses \p, which is not supported."),
        ('[a] == "${NOWHERE}"', "the variable NOWHERE is not set; set it, or write ${NOWHERE:default}."),
    ],
)
def test_a_condition_without_meaning_is_refused_at_the_start(condition: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        compiled(f"filter {{ if {condition} {{ drop {{}} }} }}")
    assert refused.value.complaints[0].message == message


def test_else_if_is_tried_only_when_nothing_before_it_held() -> None:
    pipeline = compiled(
        "filter { if [a] == 1 { mutate { add_tag => 'one' } } else if [a] { mutate { add_tag => 'some' } }"
        " else { mutate { add_tag => 'none' } } }"
    )
    events = [pipeline.new_event(data) for data in ({"a": 1}, {"a": 2}, {})]
    assert [event.data["tags"] for event in pipeline.process(events)] == [["one"], ["some"], ["none"]]
