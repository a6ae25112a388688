"""`mutate` beyond the recorded cases: what Ruby makes of odd values."""

from __future__ import annotations

import pytest

from tests.pipeline.runner import compiled, plain

FAILED = "_mutate_error"


def mutated(options: str, **fields: object) -> dict[str, object]:
    """The event after ``mutate { options }``, without what every event has."""
    pipeline = compiled(f"filter {{ mutate {{ {options} }} }}")
    event = plain(pipeline.process([pipeline.new_event(dict(fields))])[0])
    return {name: value for name, value in event.items() if name not in ("@timestamp", "@version")}


@pytest.mark.parametrize(
    ("value", "converted"),
    [
        ("12", 12), ("-12", -12), ("+5", 5), ("1.7", 1), ("abc", 0), ("", 0), ("12abc", 12), ("0x1A", 26),
        ("-0x1a", -26), ("1e3", 1000), ("1,234", 1234), (" 13 ", 13), ("012", 12), ("1_000", 1000), ("1.5E2", 150),
        (True, 1), (False, 0), (7.9, 7), (-7.9, -7), (None, None), (["1", "x", None], [1, 0, None]),
        ({"k": "1"}, {"k": "1"}),
    ],
)
def test_convert_to_integer_takes_the_number_at_the_beginning(value: object, converted: object) -> None:
    assert mutated('convert => { "a" => "integer" }', a=value) == {"a": converted}


@pytest.mark.parametrize("value", ["true", "hello", "1e", "0xzz", "1e99999"])
def test_a_text_with_an_e_in_it_must_be_a_number_throughout(value: str) -> None:
    """"true" has one; what cannot be converted stays, tagged."""
    assert mutated('convert => { "a" => "integer" }', a=value) == {"a": value, "tags": [FAILED]}


def test_european_numbers_have_point_and_comma_the_other_way_round() -> None:
    options = 'convert => { "a" => "float_eu" "b" => "integer_eu" }'
    assert mutated(options, a="1.234,5", b="1.234") == {"a": 1234.5, "b": 1234}


def test_yes_and_no_in_any_line_of_a_text_are_booleans() -> None:
    options = 'convert => { "a" => "boolean" "b" => "boolean" "c" => "boolean" }'
    assert mutated(options, a="x\nYES", b="1x0", c="on") == {"a": True, "b": True, "c": "on"}


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "result"),
    [
        ("(b)(c)", r"\2\1", "abcd", "acbd"),
        ("b", r"[\0\&]", "abc", "a[bb]c"),
        ("b", r"<\`|\'>", "abc", "a<a|c>c"),
        ("(?<x>b)", r"\k<x>\k<x>", "abc", "abbc"),
        ("b", r"\\1", "abc", r"a\1c"),
        ("b", r"\9", "abc", "ac"),
        ("b", r"\q", "abc", r"a\qc"),
        ("^", "> ", "a\nb\n", "> a\n> b\n"),
        ("l*", "-", "abld", "-a-b--d-"),
    ],
)
def test_gsub_replaces_as_ruby_does(pattern: str, replacement: str, text: str, result: str) -> None:
    assert mutated(f'gsub => ["a", "{pattern}", "{replacement}"]', a=text) == {"a": result}


def test_gsub_with_a_pattern_made_of_a_field_that_is_no_pattern_fails() -> None:
    assert mutated('gsub => ["a", "%{b}", ""]', a="x", b="(") == {"a": "x", "b": "(", "tags": [FAILED]}


@pytest.mark.parametrize(
    ("separator", "text", "pieces"),
    [(" ", "  a  b ", ["a", "b"]), ("", "ab", ["a", "b"]), (",", ",a,,", ["", "a"]), ("--", "a--b", ["a", "b"])],
)
def test_split_leaves_out_empty_pieces_at_the_end(separator: str, text: str, pieces: list[str]) -> None:
    assert mutated(f'split => {{ "a" => "{separator}" }}', a=text) == {"a": pieces}


def test_join_flattens_and_shows_values_as_ruby_does() -> None:
    assert mutated('join => { "a" => "-" }', a=["x", None, [1, 2.0e20], True, {"k": 1}]) == {
        "a": 'x--1-2.0e+20-true-{"k"=>1}',
    }


def test_strip_takes_nulls_and_blanks_and_fails_on_what_is_no_string_in_a_list() -> None:
    assert mutated('strip => ["a", "b"]', a="\0\t x \n", b=5) == {"a": "x", "b": 5}
    assert mutated('strip => ["a"]', a=["x ", 5]) == {"a": ["x ", 5], "tags": [FAILED]}


def test_case_is_changed_letter_by_letter() -> None:
    options = 'uppercase => ["a"] lowercase => ["b"] capitalize => ["c"]'
    assert mutated(options, a="straße", b="ΟΔΟΣ", c="éCOLE ÀB") == {"a": "STRASSE", "b": "οδοσ", "c": "École àb"}


def test_merging_several_fields_into_one_that_is_no_list_keeps_the_last() -> None:
    assert mutated('merge => { "d" => ["s", "t"] }', d="x", s="1", t="2")["d"] == ["x", "2"]
    assert mutated('merge => { "d" => ["s", "t"] }', d=["x"], s="1", t="2")["d"] == ["x", "1", "2"]


def test_a_copy_shares_nothing_with_the_original() -> None:
    event = mutated('copy => { "a" => "b" } add_field => { "[b][k][l]" => "new" }', a={"k": {}})
    assert event == {"a": {"k": {}}, "b": {"k": {"l": "new"}}}


def test_the_first_failure_ends_the_filter_and_keeps_what_was_done() -> None:
    options = 'rename => { "a" => "b" } replace => { "[c][d]" => "x" } uppercase => ["b"] add_tag => ["done"]'
    assert mutated(options, a="v", c="text") == {"b": "v", "c": "text", "tags": [FAILED]}


def test_a_name_that_is_no_field_fails_when_it_is_used() -> None:
    assert mutated('replace => { "[a" => "x" }', b=1) == {"b": 1, "tags": [FAILED]}


def test_reserved_fields_take_only_what_suits_them() -> None:
    assert mutated('replace => { "@timestamp" => "2025" }')["tags"] == [FAILED]
    assert mutated('rename => { "a" => "tags" }', a=5) == {"tags": [FAILED]}
    assert mutated('replace => { "[tags][0]" => "x" }', tags=["a"]) == {"tags": ["a", FAILED]}


def test_metadata_can_be_emptied_but_not_made_a_text() -> None:
    pipeline = compiled(
        'filter { mutate { replace => { "[@metadata][x]" => "1" } remove_field => "@metadata" }'
        ' mutate { add_field => { "m" => "%{[@metadata][x]}" } } }'
    )
    assert pipeline.process([pipeline.new_event({})])[0].data["m"] == "%{[@metadata][x]}"
    assert mutated('replace => { "@metadata" => "x" }') == {"tags": [FAILED]}


def test_a_field_added_to_a_hash_makes_pairs_of_it() -> None:
    """Ruby's Array() of a hash."""
    assert mutated('add_field => { "a" => "x" }', a={"k": 1}) == {"a": [["k", 1], "x"]}
