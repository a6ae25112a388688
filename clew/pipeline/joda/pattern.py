"""A pattern as tokens."""

from __future__ import annotations

from dataclasses import dataclass

_LETTERS = "GCxyYMdahHkKmsSeEDwzZ"
_NUMERIC = "CxyYdhHmsSeDwkK"


class PatternError(ValueError):
    """A letter that means nothing, or nothing at all."""


@dataclass(frozen=True, slots=True)
class Token:
    """A run of one pattern letter; or a literal text (*letter* is then empty)."""

    letter: str
    length: int
    literal: str = ""

    @property
    def numeric(self) -> bool:
        """Whether it is printed as digits, so that digits before it must not be eaten."""
        return (self.letter != "" and self.letter in _NUMERIC) or (self.letter == "M" and self.length <= 2)


def tokens(pattern: str) -> list[Token]:
    """:raises PatternError: it has a letter that means nothing, or is empty."""
    found: list[Token] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if _is_letter(char):
            length = len(pattern[at:]) - len(pattern[at:].lstrip(char))
            if char not in _LETTERS:
                raise PatternError(f"'{char * length}' means nothing in the date pattern '{pattern}'.")
            found.append(Token(char, length))
            at += length
        else:
            literal, at = _literal(pattern, at)
            found.append(Token("", len(literal), literal))
    if not found:
        raise PatternError("A date pattern cannot be empty.")
    return found


def _literal(pattern: str, at: int) -> tuple[str, int]:
    """Text up to the next letter that is not quoted; two quotes are one quote."""
    parts: list[str] = []
    quoted = False
    while at < len(pattern):
        char = pattern[at]
        if char == "'" and pattern[at + 1 : at + 2] == "'":
            parts.append("'")
            at += 2
            continue
        if char == "'":
            quoted = not quoted
        elif not quoted and _is_letter(char):
            break
        else:
            parts.append(char)
        at += 1
    return "".join(parts), at


def _is_letter(char: str) -> bool:
    return char.isascii() and char.isalpha()
