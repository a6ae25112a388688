"""Read a JSON object field by field and say everything that is wrong with it at once."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator, Mapping
from typing import TypeVar

from observability import Problem

T = TypeVar("T")

SHOWN = 64
"""Longest part of a field's name that an answer repeats."""
MOST_ERRORS = 100
"""More complaints than this are counted, not listed."""


class Fields:
    """
    One JSON object, its complaints, and those of the objects inside it.

    Ask for each field once, then call `check`: it refuses fields that nobody asked for and raises if anything is wrong.
    A method that found something wrong returns a harmless value of the right type, so that reading can go on.
    """

    def __init__(
        self, values: Mapping[str, object], *, path: str = "", errors: list[dict[str, str]] | None = None
    ) -> None:
        self._values = values
        self._path = path
        self._asked: set[str] = set()
        self._inner: list[Fields] = []
        self.errors: list[dict[str, str]] = [] if errors is None else errors

    def text(self, name: str, *, longest: int, shortest: int = 1, pattern: str | None = None, says: str = "") -> str:
        """
        A string of *shortest* to *longest* printable characters, not all blank; *says* explains *pattern* to people.
        """
        value = self._get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            return self._wrong(name, f"must be a string, not {kind(value)}", "")
        if not shortest <= len(value) <= longest:
            return self._wrong(name, says or f"must have {shortest} to {longest} characters, not {len(value)}", "")
        if not value.strip():
            return self._wrong(name, "must not be blank", "")
        if pattern is not None and not re.fullmatch(pattern, value):
            return self._wrong(name, says, "")
        if not is_plain(value):
            return self._wrong(name, "must not contain control characters or line breaks", "")
        return value

    def choice(self, name: str, known: Container[str], *, says: str) -> str:
        """
        One of the *known* strings.
        """
        value = self._get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            return self._wrong(name, f"must be a string, not {kind(value)}", "")
        return value if value in known else self._wrong(name, says, "")

    def whole(self, name: str, *, least: int, most: int) -> int:
        """
        A whole number, with or without a fraction of zero: for JSON, 1 and 1.0 are the same. ``true`` and ``"1"`` are
        none.
        """
        value = self._get(name)
        if value is None:
            return least
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return self._wrong(name, f"must be a whole number, not {kind(value)}", least)
        if not least <= value <= most:
            return self._wrong(name, f"must be from {least} to {most}", least)
        return value

    def objects(self, name: str, *, most: int) -> Iterator[Fields]:
        """
        The objects of a list with 1 to *most* of them; their complaints are named ``items[0].sku``.
        """
        value = self._get(name)
        if value is None:
            return
        if not isinstance(value, list):
            self._wrong(name, f"must be a list, not {kind(value)}", None)
            return
        if not 1 <= len(value) <= most:
            self._wrong(name, f"must have 1 to {most} entries, not {len(value)}", None)
            return
        for index, entry in enumerate(value):
            place = f"{self._path}{name}[{index}]"
            if isinstance(entry, dict):
                inner = Fields(entry, path=f"{place}.", errors=self.errors)
                self._inner.append(inner)
                yield inner
            else:
                self.errors.append({"field": place, "detail": f"must be an object, not {kind(entry)}"})

    def check(self) -> None:
        """
        :raises Problem: ``invalid``, with every complaint in ``errors``.
        """
        self._refuse_unknown()
        if self.errors:
            count = "One thing is" if len(self.errors) == 1 else f"{len(self.errors)} things are"
            raise Problem("invalid", f"{count} wrong with the request; see errors.", errors=self.errors[:MOST_ERRORS])

    def _refuse_unknown(self) -> None:
        for name in self._values:
            if name not in self._asked:
                known = ", ".join(sorted(self._asked))
                self.errors.append({"field": self._path + name[:SHOWN], "detail": f"is unknown; known are {known}"})
        for inner in self._inner:
            inner._refuse_unknown()

    def _get(self, name: str) -> object:
        self._asked.add(name)
        value = self._values.get(name)
        if value is None:
            self._wrong(name, "is missing" if name not in self._values else "must not be null", None)
        return value

    def _wrong(self, name: str, detail: str, stand_in: T) -> T:
        self.errors.append({"field": self._path + name, "detail": detail})
        return stand_in


def is_plain(text: str) -> bool:
    """
    Whether *text* is one line of characters that can be stored, logged and shown: no control characters, line or
    paragraph separators, lone surrogates, or marks that turn the direction of what follows.
    """
    return not any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        for character in text
    )


def kind(value: object) -> str:
    """
    The JSON word for the type of *value*.
    """
    if isinstance(value, bool):
        return "a boolean"
    names: dict[type, str] = {str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
