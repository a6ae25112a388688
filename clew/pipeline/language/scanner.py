"""
Reads characters for the parser, and remembers the furthest place where something else was expected.

The grammar of Logstash is a PEG: alternatives are tried in order and given up silently. The error worth reporting is
the one furthest into the text, with everything that would have been right there.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from typing import TypeVar

from clew.pipeline.errors import Complaint, ConfigError, Place

T = TypeVar("T")

_WHITESPACE = re.compile(r"[ \t\r\n]+")
_SKIPPED = re.compile(r"(?:[ \t\r\n]++|#[^\r\n]*+(?:\r?\n|\Z))*+")
_HINTS = (
    (re.compile(r"\$\{"), "Put it in quotes: variables are only replaced inside quoted strings."),
    (re.compile(r"not\b"), "'not' only stands before 'in'; negate a field with ![field], a condition with !( … )."),
    (re.compile(r"&&|\|\|"), "The words are 'and' and 'or'."),
    (re.compile(r"(?:true|false)\b"), "Conditions have no boolean literals; test the field itself: if [field]."),
    (re.compile(r","), "Entries of a hash and options of a plugin are separated by blanks, not by commas."),
    (re.compile(r"\]"), "A list does not end with a comma."),
)
_ELSE_IF = re.compile(r"\b(?:elsif|elseif|elif)\s*\Z")


class Mismatch(Exception):
    """Here is not what was expected; the alternative that tried is given up."""


class Scanner:
    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.position = 0
        self._file = file
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._furthest = 0
        self._expected: dict[str, None] = {}

    def place(self, position: int | None = None) -> Place:
        at = self.position if position is None else position
        line = bisect_right(self._line_starts, at)
        return Place(self._file, line, at - self._line_starts[line - 1] + 1)

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def skip(self) -> None:
        """Over blanks and comments, if there are any."""
        match = _SKIPPED.match(self.text, self.position)
        assert match is not None  # it matches the empty string
        self.position = match.end()

    def skip_whitespace(self) -> bool:
        """Over blanks; False if there is none."""
        match = _WHITESPACE.match(self.text, self.position)
        if match is None:
            return False
        self.position = match.end()
        return True

    def accept(self, literal: str, meaning: str = "") -> bool:
        """Over *literal*, if it stands here."""
        if self.text.startswith(literal, self.position):
            self.position += len(literal)
            return True
        self.expected(meaning or f'"{literal}"')
        return False

    def require(self, literal: str, meaning: str = "") -> None:
        if not self.accept(literal, meaning):
            raise Mismatch

    def attempt(self, rule: Callable[[], T]) -> T | None:
        """What *rule* gives; None, and back where it began, if it does not fit."""
        start = self.position
        try:
            return rule()
        except Mismatch:
            self.position = start
            return None

    def match(self, pattern: re.Pattern[str], meaning: str) -> str | None:
        """Over what *pattern* matches here; None if it does not."""
        match = pattern.match(self.text, self.position)
        if match is None:
            self.expected(meaning)
            return None
        self.position = match.end()
        return match.group()

    def expected(self, meaning: str) -> None:
        """Note that *meaning* would have been right here."""
        if self.position > self._furthest:
            self._furthest = self.position
            self._expected = {}
        if self.position == self._furthest:
            self._expected[meaning] = None

    def error(self) -> ConfigError:
        """The complaint about the furthest place reached."""
        at = self._furthest
        wanted = list(self._expected)
        listed = wanted[0] if len(wanted) == 1 else f"{', '.join(wanted[:-1])} or {wanted[-1]}"
        found = re.compile(r"[A-Za-z0-9_-]+|\S").match(self.text, at)
        if found is not None:
            seen = f"found '{found.group()}'"
        else:
            seen = "the line ends" if at < len(self.text) else "the file ends"
        return ConfigError([Complaint.at(self.place(at), f"expected {listed}, {seen}.{self._hint(at)}")])

    def _hint(self, at: int) -> str:
        if _ELSE_IF.search(self.text[max(0, at - 40) : at]):
            return " The word is 'else if'."
        if self.text[at : at + 1] in ('"', "'") and "a quoted string" in self._expected:
            return " The quoted string has no end."
        return next((f" {hint}" for pattern, hint in _HINTS if pattern.match(self.text, at)), "")
