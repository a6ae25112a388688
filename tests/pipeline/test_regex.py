"""Ruby's patterns, run by Python."""

from __future__ import annotations

import pytest

from clew.pipeline.regex import RegexError, compiled


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^b$", "a\nb\nc", "b"),
        (r"\Ab", "a\nb", None),
        (r"a\Z", "a\n", "a"),
        (r"a\z", "a\n", None),
        ("a.b", "a\nb", None),
        ("(?m)a.b", "a\nb", "a\nb"),
        (r"\w+", "äb", "b"),
        (r"\d", "٣", None),
        (r"\bé", "xé é", "é"),
        (r"[^\s]+", " ab ", "ab"),
        (r"[\D]", "1a", "a"),
        (r"\h+", "xyz1f", "1f"),
        ("[[:alpha:][:digit:]]+", "-a1-", "a1"),
        ("a(?i)b|c", "aC", "aC"),
        ("a(?i)b|c", "AB", None),
        ("(?i:a)b", "Ab", "Ab"),
        ("(?i)É", "é", "é"),
        ("(?<x>a)(b)\\k<x>", "aba", "aba"),
        ("(?>a+)ab", "aaab", None),
        ("a++b", "aab", "aab"),
        (r"\/\/", "//", "//"),
        ("(?x) a b # comment", "ab", "ab"),
        ("(?# comment)a", "a", "a"),
        (r"\u00e9\x41\t", "éA\t", "éA\t"),
        ("[]a]", "]", "]"),
        (r"\R", "\r\n", "\r\n"),
        ("(?<=a)b(?!c)", "abc ab", "b"),
    ],
)
def test_a_pattern_finds_what_ruby_finds(pattern: str, text: str, found: str | None) -> None:
    match = compiled(pattern).search(text)
    assert (match.group() if match else None) == found


def test_plain_groups_do_not_capture_beside_named_ones() -> None:
    match = compiled("(a)(?<b>b)").search("ab")
    assert match is not None
    assert match.groups() == ("b",)


def test_a_line_does_not_begin_after_the_last_newline() -> None:
    assert compiled("^").sub(">", "a\nb\n") == ">a\n>b\n"


BROKEN = ["(", "a)", "[a", "*", "\\"]
UNSUPPORTED = [r"\p{L}", "[a&&b]", "[a[b]]", r"\Kx", "(?(1)a)", r"\g<a>", "(?~a)"]


@pytest.mark.parametrize("pattern", [*BROKEN, *UNSUPPORTED])
def test_what_is_wrong_or_not_supported_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(RegexError) as refused:
        compiled(pattern)
    assert pattern in str(refused.value)
