"""
Ruby's regular expressions, run by Python's `re`.

Source: Onigmo's syntax document. The differences that matter: ``^ $`` are per line, ``.`` stops at newlines unless
``(?m)``, ``\\d \\s \\w \\h`` are ASCII, ``\\A \\z \\Z`` are the ends of the text, options may stand anywhere and hold
to the end of their group, plain groups do not capture beside named ones.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SETS = {
    "d": "0-9", "w": "a-zA-Z0-9_", "s": " \\t\\r\\n\\f\\v", "h": "0-9a-fA-F",
    "D": "\\x00-/:-\U0010ffff", "W": "\\x00-/:-@\\[-\\^`{-\U0010ffff", "S": "\\x00-\\x08\\x0e-\\x1f!-\U0010ffff",
    "H": "\\x00-/:-@G-`g-\U0010ffff",
}
_POSIX = {
    "alnum": "a-zA-Z0-9", "alpha": "a-zA-Z", "blank": " \\t", "cntrl": "\\x00-\\x1f\\x7f", "digit": "0-9",
    "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~", "space": " \\t\\r\\n\\f\\v",
    "upper": "A-Z", "xdigit": "0-9a-fA-F", "word": "a-zA-Z0-9_",
}
_ANCHORS = {"A": r"\A", "z": r"\Z", "Z": r"(?=\n?\Z)", "b": r"\b", "B": r"\B", "R": r"(?:\r\n|[\n-\r\x85\u2028\u2029])"}
_CHARACTERS = {"n": r"\n", "t": r"\t", "r": r"\r", "f": r"\f", "v": r"\v", "a": r"\a", "e": r"\x1b", "0": r"\x00"}
_OPTIONS = re.compile(r"\(\?([mixadu]*)(?:-([mix]*))?([:)])")
_NAMED = re.compile(r"(?<!\\)\(\?(?:<[A-Za-z_]|')")
_LINE_START = r"^(?!(?<=\n)\Z)"  # not after the newline that ends the text
_CONDITIONAL = re.compile(r"\(\?\(")
_UNICODE = re.compile(r"\\u\{([0-9A-Fa-f ]+)\}|\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{1,2})")


class RegexError(ValueError):
    """The pattern is wrong, or uses what this engine does not have; the message says which."""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """
    *pattern* ready to search.

    :raises RegexError: Ruby would refuse it, or Python cannot express it.
    """
    try:
        return re.compile(_Translator(pattern).translated(), re.MULTILINE)
    except (re.error, OverflowError) as error:
        raise RegexError(f"'{pattern}' is not a regular expression: {error}") from error


class _Translator:
    """One pass over the pattern; *closing* counts the groups that options opened inside each written group."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._out: list[str] = []
        self._closing = [0]
        self._extended = [False]
        self._named = _NAMED.search(pattern) is not None  # then plain groups do not capture

    def translated(self) -> str:
        while self._at < len(self._pattern):
            self._step(self._pattern[self._at])
        if len(self._closing) > 1:
            raise RegexError(f"'{self._pattern}' has an unmatched parenthesis")
        return "".join(self._out) + ")" * self._closing[0]

    def _step(self, char: str) -> None:
        if char == "\\":
            self._escape()
        elif char == "[":
            self._out.append(f"[{self._class()}]")
        elif char == "(":
            self._open()
        elif char == ")":
            if len(self._closing) == 1:
                raise RegexError(f"'{self._pattern}' has an unmatched parenthesis")
            self._out.append(")" * (self._closing.pop() + 1))
            self._extended.pop()
            self._at += 1
        elif self._extended[-1] and (char.isspace() or char == "#"):
            end = self._pattern.find("\n", self._at) if char == "#" else self._at
            self._at = len(self._pattern) if end < 0 else end + 1
        else:
            self._out.append(_LINE_START if char == "^" else char)
            self._at += 1

    def _open(self) -> None:
        if self._pattern.startswith("(?#", self._at):
            self._at = self._pattern.find(")", self._at) + 1 or len(self._pattern)
            return
        if _CONDITIONAL.match(self._pattern, self._at) or self._pattern.startswith("(?~", self._at):
            raise RegexError(f"'{self._pattern}' uses a group that is not supported: {self._pattern[self._at:][:4]}")
        options = _OPTIONS.match(self._pattern, self._at)
        if options is not None and (options[1] or options[2] or options[3] == ")"):
            self._options(options)
            return
        opening = "("
        for form, python in (("(?<=", "(?<="), ("(?<!", "(?<!"), ("(?<", "(?P<"), ("(?'", "(?P<")):
            if self._pattern.startswith(form, self._at):
                opening = python
                self._at += len(form)
                if form == "(?'":
                    name, _, _ = self._pattern[self._at :].partition("'")
                    opening += f"{name}>"
                    self._at += len(name) + 1
                break
        else:
            self._at += 1
            if self._named and self._pattern[self._at : self._at + 1] != "?":
                opening = "(?:"
        self._out.append(opening)
        self._closing.append(0)
        self._extended.append(self._extended[-1])

    def _options(self, options: re.Match[str]) -> None:
        on, off = options[1], options[2] or ""
        flags = "".join(python for ruby, python in (("m", "s"), ("i", "i")) if ruby in on)
        cleared = "".join(python for ruby, python in (("m", "s"), ("i", "i")) if ruby in off)
        extended = "x" in on or (self._extended[-1] and "x" not in off)
        self._out.append(f"(?{flags}{'-' + cleared if cleared else ''}:")
        self._at = options.end()
        if options[3] == ":":
            self._closing.append(0)
            self._extended.append(extended)
        else:
            self._closing[-1] += 1
            self._extended[-1] = extended

    def _escape(self) -> None:
        escaped = self._pattern[self._at + 1 : self._at + 2]
        if escaped == "":
            raise RegexError(f"'{self._pattern}' ends with a backslash")
        if escaped in "pPXGK" or (escaped == "g" and self._pattern[self._at + 2 : self._at + 3] in ("<", "'")):
            raise RegexError(f"'{self._pattern}' uses \\{escaped}, which is not supported")
        if escaped == "k":
            name = self._pattern[self._at + 3 :].split(">" if self._pattern[self._at + 2] == "<" else "'", 1)[0]
            self._out.append(f"(?P={name})" if not name.isdigit() else f"(?:\\{name})")
            self._at += len(name) + 4
        elif escaped in _SETS:
            self._out.append(f"[{_SETS[escaped]}]")
            self._at += 2
        elif escaped in _ANCHORS:
            self._out.append(_ANCHORS[escaped])
            self._at += 2
        else:
            self._out.append(self._character())

    def _character(self) -> str:
        """An escape that stands for one character, inside or outside a class."""
        numbered = _UNICODE.match(self._pattern, self._at)
        if numbered is not None:
            self._at = numbered.end()
            codes = (numbered[1] or numbered[2] or numbered[3]).split()
            return "".join(re.escape(chr(int(code, 16))) for code in codes)
        escaped = self._pattern[self._at + 1]
        self._at += 2
        if escaped in _CHARACTERS and not (escaped == "0" and self._pattern[self._at : self._at + 1].isdigit()):
            return _CHARACTERS[escaped]
        if escaped.isdigit():
            return f"\\{escaped}"
        return re.escape(escaped)

    def _class(self) -> str:
        """What stands between the brackets, Python's way; *at* is on the opening one."""
        self._at += 1
        parts = []
        if self._pattern.startswith("^", self._at):
            parts.append("^")
            self._at += 1
        first = True
        while True:
            char = self._pattern[self._at : self._at + 1]
            if char == "":
                raise RegexError(f"'{self._pattern}' has a character class that is not closed")
            if char == "]" and not first:
                self._at += 1
                return "".join(parts)
            first = False
            parts.append(self._class_member(char))

    def _class_member(self, char: str) -> str:
        if char == "[":
            posix = re.compile(r"\[:(\^?)(\w+):\]").match(self._pattern, self._at)
            if posix is not None and posix[2] in _POSIX and not posix[1]:
                self._at = posix.end()
                return _POSIX[posix[2]]
            raise RegexError(f"'{self._pattern}' nests character classes, which is not supported")
        if self._pattern.startswith("&&", self._at):
            raise RegexError(f"'{self._pattern}' intersects character classes, which is not supported")
        if char == "\\":
            escaped = self._pattern[self._at + 1 : self._at + 2]
            if escaped in _SETS and escaped != "":
                self._at += 2
                return _SETS[escaped]
            if escaped == "b":
                self._at += 2
                return r"\x08"
            if escaped in ("", "p", "P"):
                raise RegexError(f"'{self._pattern}' uses \\{escaped} in a character class, which is not supported")
            return self._character()
        self._at += 1
        return re.escape(char) if char in "[&~|" else char
