"""The language: what is accepted, what is refused, and the sentence that says where."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.pipeline import ConfigError
from clew.pipeline.language import parse
from clew.pipeline.language.ast import (
    Array,
    Bareword,
    Branch,
    Comparison,
    Expression,
    Hash,
    Not,
    Number,
    Operation,
    PluginBlock,
    Selector,
    Text,
)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        parse(text, file="logstash.conf")
    return str(refused.value)


def condition(text: str) -> Expression:
    branch = parse(f"filter {{ if {text} {{ }} }}", file="c").sections[0].statements[0]
    assert isinstance(branch, Branch)
    return branch.arms[0].condition


def option(text: str, *, escapes: bool = False) -> object:
    plugin = parse(f"filter {{ mutate {{ x => {text} }} }}", file="c", escapes=escapes).sections[0].statements[0]
    assert isinstance(plugin, PluginBlock)
    return plugin.attributes[0].value


def shape(expression: Expression) -> str:
    """Operators with their operands in parentheses."""
    if isinstance(expression, Operation):
        return f"({shape(expression.left)} {expression.operator} {shape(expression.right)})"
    if isinstance(expression, Not):
        return f"!{shape(expression.operand)}"
    assert isinstance(expression, Selector)
    return expression.source.strip("[]")


VALUE = "a quoted string, a plugin name, a word, a number, a list or a hash"
OPERAND = "a quoted string, a number, a field such as [name], a list or a regular expression"
OPERATOR = "'in', 'not in', a comparison, =~ or !~, \"and\", \"or\", \"xor\", \"nand\" or \"{\""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", '1:1: expected "input", "filter" or "output", the file ends.'),
        ("outputs { }", "1:7: expected \"{\", found 's'."),
        ("input {\n  file {\n    path => /var/log\n  }\n}", f"3:13: expected {VALUE}, found '/'."),
        (
            "filter { mutate { port => ${P:5000} } }",
            f"1:27: expected {VALUE}, found '$'. Put it in quotes: variables are only replaced inside quoted strings.",
        ),
        (
            'filter { mutate { a => {"b"=>"1", "c"=>"2"} } }',
            "1:33: expected a number, a word, a quoted string or \"}\", found ','. Entries of a hash and options of a "
            "plugin are separated by blanks, not by commas.",
        ),
        (
            'filter { mutate { a => ["b",] } }',
            f"1:29: expected {VALUE}, found ']'. A list does not end with a comma.",
        ),
        (
            "filter { if not [a] { drop {} } }",
            f"1:13: expected \"(\", \"!\", {OPERAND}, found 'not'. 'not' only stands before 'in'; negate a field with "
            "![field], a condition with !( … ).",
        ),
        (
            "filter { if [a] && [b] { } }",
            f"1:17: expected {OPERATOR}, found '&'. The words are 'and' and 'or'.",
        ),
        (
            "filter { if [a] { } elsif [b] { } }",
            "1:27: expected \"{\", found '['. The word is 'else if'.",
        ),
        (
            'filter { mutate { id => "a }\n}',
            f"1:25: expected {VALUE}, found '\"'. The quoted string has no end.",
        ),
        ("filter { mutate { id => 'x' }", '1:30: expected "}", "if" or a plugin name, the file ends.'),
        (
            "filter { } # no newline at the end of \r this",
            "1:12: expected \"input\", \"filter\" or \"output\", found '#'.",
        ),
    ],
)
def test_a_refusal_names_the_place_and_what_was_expected_there(text: str, complaint: str) -> None:
    assert refusal(text) == f"logstash.conf:{complaint}"


def test_every_node_knows_its_place() -> None:
    config = parse('# first\nfilter {\n  if [a] == "x" {\n    mutate { id => "m" }\n  }\n}\n', file="x.conf")
    branch = config.sections[0].statements[0]
    assert isinstance(branch, Branch)
    comparison, plugin = branch.arms[0].condition, branch.arms[0].body[0]
    assert isinstance(comparison, Comparison)
    assert isinstance(plugin, PluginBlock)
    places = [config.sections[0].place, branch.place, comparison.right.place, plugin.place, plugin.attributes[0].place]
    assert [str(place) for place in places] == ["x.conf:2:1", "x.conf:3:3", "x.conf:3:13", "x.conf:4:5", "x.conf:4:14"]


def test_values_are_read_as_written() -> None:
    read = option('[ "a", word, -5, 1.50, { "k" => "v" 5 => word }, [] ]')
    assert isinstance(read, Array)
    text, word, number, decimal, pairs, empty = read.items
    assert isinstance(text, Text)
    assert isinstance(word, Bareword)
    assert isinstance(number, Number)
    assert isinstance(decimal, Number)
    assert isinstance(pairs, Hash)
    assert isinstance(empty, Array)
    assert (text.value, word.value, number.value, decimal.value) == ("a", "word", -5, 1.5)
    assert [entry.key.value for entry in pairs.entries] == ["k", 5]


def test_a_string_may_span_lines_and_hold_escaped_quotes() -> None:
    read = option('"one\ntwo \\"quoted\\" \\n"')
    assert isinstance(read, Text)
    assert read.value == 'one\ntwo \\"quoted\\" \\n'


def test_escapes_mean_something_only_if_the_setting_is_on() -> None:
    read = option(r'"tab\t quote\" backslash\\ nul\0 other\w"', escapes=True)
    assert isinstance(read, Text)
    assert read.value == 'tab\t quote" backslash\\ nul\0 other\\w'


def test_a_backslash_before_a_quote_escapes_it_whatever_stands_before_the_backslash() -> None:
    """The real grammar looks no further back either: a string cannot end in a backslash."""
    assert "has no end" in refusal(r'filter { mutate { x => "C:\\" } }')


def test_a_number_with_a_leading_zero_is_octal_as_in_ruby() -> None:
    read = option("010")
    assert isinstance(read, Number)
    assert read.value == 8


def test_a_codec_may_have_options_of_its_own() -> None:
    read = option('json { target => "doc" }')
    assert isinstance(read, PluginBlock)
    assert (read.name, read.attributes[0].name) == ("json", "target")


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("[a] or [b] and [c]", "(a or (b and c))"),
        ("[a] and [b] or [c]", "((a and b) or c)"),
        ("[a] and ([b] or [c])", "(a and (b or c))"),
        ("![a] and !([b] or [c])", "(!a and !(b or c))"),
        ("[a] nand [b]", "(a nand b)"),
        ("[a] and [b] and [c] or [d]", "(a and ((b and c) or d))"),
    ],
)
def test_operators_group_as_in_logstash(text: str, grouped: str) -> None:
    """The last one is a slip of the real parser, which takes one waiting operator off at a time."""
    assert shape(condition(text)) == grouped


def test_xor_beside_another_operator_needs_parentheses() -> None:
    complaints = parse("filter { if [a] xor [b] or [c] { } }", file="c").complaints
    assert [str(complaint) for complaint in complaints] == [
        "c:1:13: 'xor' and 'nand' cannot stand beside other operators; add parentheses."
    ]


def test_a_key_that_stands_twice_in_a_hash_is_refused() -> None:
    complaints = parse('filter { mutate { rename => { "a" => "b" "a" => "c" } } }', file="c").complaints
    assert [str(complaint) for complaint in complaints] == ['c:1:29: the hash has the key "a" more than once.']


def test_a_name_that_begins_with_if_is_a_plugin() -> None:
    statement = parse("filter { iffy { } }", file="c").sections[0].statements[0]
    assert isinstance(statement, PluginBlock)
    assert statement.name == "iffy"


def test_not_in_wants_a_blank_after_not() -> None:
    """The real grammar has the blank inside the word; a tab is refused."""
    assert "expected" in refusal('filter { if "x" not\tin [a] { } }')


def test_blanks_before_something_unexpected_cost_no_time() -> None:
    """A pattern that tries every way to split them up would not come back."""
    assert "found 'true'" in refusal(f"filter {{ if [a] == true{' ' * 10_000}{{ }} }}")


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet='filter{}[]()=>!~"\'/\\,#\n ab5.-andornotin$', max_size=60))
def test_no_text_makes_the_parser_do_anything_but_accept_or_refuse(text: str) -> None:
    with contextlib.suppress(ConfigError):
        parse(text, file="x")
