"""Plugins, options and their values."""

from __future__ import annotations

import re
from collections import Counter

from clew.pipeline.errors import Complaint
from clew.pipeline.language.ast import Array, Attribute, Bareword, Hash, HashEntry, Number, PluginBlock, Text, Value
from clew.pipeline.language.scanner import Mismatch, Scanner

_NAME = re.compile(r"[A-Za-z0-9_-]+")
_BAREWORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]*)?")
_STRING = re.compile(r'"(?:\\"|[^"])*+"|' r"'(?:\\'|[^'])*+'")  # possessive: a PEG does not go back into a string
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {'"': '"', "'": "'", "\\": "\\", "n": "\n", "r": "\r", "t": "\t", "0": "\x00"}


class ValueParser:
    def __init__(self, scan: Scanner, escapes: bool) -> None:
        self.scan = scan
        self.escapes = escapes
        self.complaints: list[Complaint] = []

    def plugin(self) -> PluginBlock:
        scan = self.scan
        place = scan.place()
        name = self._name("a plugin name")
        scan.skip()
        scan.require("{")
        scan.skip()
        attributes = self._attributes()
        scan.skip()
        scan.require("}")
        return PluginBlock(name, attributes, place)

    def _name(self, meaning: str) -> str:
        name = self.scan.match(_NAME, meaning)
        if name is None:
            name = self.scan.match(_STRING, meaning)
        if name is None:
            raise Mismatch
        return name

    def _attributes(self) -> tuple[Attribute, ...]:
        attributes: list[Attribute] = []
        attribute = self.scan.attempt(self._attribute)
        while attribute is not None:
            attributes.append(attribute)
            attribute = self.scan.attempt(self._next_attribute)
        return tuple(attributes)

    def _next_attribute(self) -> Attribute:
        if not self.scan.skip_whitespace():
            raise Mismatch
        self.scan.skip()
        return self._attribute()

    def _attribute(self) -> Attribute:
        scan = self.scan
        place = scan.place()
        name = self._name("an option name")
        scan.skip()
        scan.require("=>")
        scan.skip()
        return Attribute(name[1:-1] if name[0] in "\"'" else name, self.value(), place)

    def value(self) -> Value:
        literal: Value | None = self.text() or self.scan.attempt(self.plugin) or self._bareword() or self.number()
        if literal is not None:
            return literal
        array = self.array()
        return array if array is not None else self._hash()

    def _bareword(self) -> Bareword | None:
        place = self.scan.place()
        word = self.scan.match(_BAREWORD, "a word")
        return None if word is None else Bareword(word, place)

    def text(self) -> Text | None:
        place = self.scan.place()
        source = self.scan.match(_STRING, "a quoted string")
        return None if source is None else Text(self.resolve(source[1:-1]), source, place)

    def resolve(self, raw: str) -> str:
        """*raw* with its escapes resolved, if the setting is on."""
        if not self.escapes:
            return raw
        return _ESCAPE.sub(lambda match: _ESCAPES.get(match.group(1), match.group()), raw)

    def number(self) -> Number | None:
        place = self.scan.place()
        source = self.scan.match(_NUMBER, "a number")
        if source is None:
            return None
        try:
            return Number(_number(source), source, place)
        except ValueError:
            self.complaints.append(Complaint.at(place, f"'{source}' is not a number that Logstash reads."))
            return Number(0, source, place)

    def array(self) -> Array | None:
        scan = self.scan
        place = scan.place()
        if not scan.accept("[", "a list"):
            return None
        scan.skip()
        items: list[Value] = []
        item = scan.attempt(self.value)
        while item is not None:
            items.append(item)
            item = scan.attempt(self._next_item)
        scan.skip()
        scan.require("]")
        return Array(tuple(items), place)

    def _next_item(self) -> Value:
        self.scan.skip()
        self.scan.require(",", "a comma")
        self.scan.skip()
        return self.value()

    def _hash(self) -> Hash:
        scan = self.scan
        place = scan.place()
        scan.require("{", "a hash")
        entries: list[HashEntry] = []
        while (entry := scan.attempt(self._entry)) is not None:
            entries.append(entry)
        scan.skip()
        scan.require("}")
        twice = [key for key, count in Counter(_source(entry) for entry in entries).items() if count > 1]
        if twice:
            self.complaints.append(Complaint.at(place, f"the hash has the key {', '.join(twice)} more than once."))
        return Hash(tuple(entries), place)

    def _entry(self) -> HashEntry:
        self.scan.skip()
        key = self.number() or self._bareword() or self.text()
        if key is None:
            raise Mismatch
        self.scan.skip()
        self.scan.require("=>")
        self.scan.skip()
        return HashEntry(key, self.value())


def _source(entry: HashEntry) -> str:
    return entry.key.value if isinstance(entry.key, Bareword) else entry.key.source


def _number(source: str) -> int | float:
    """As Ruby's Integer() and Float() read it: a leading zero makes it octal."""
    if "." in source:
        if source.endswith("."):
            raise ValueError(source)
        return float(source)
    digits = source.lstrip("-")
    return int(source, 8 if len(digits) > 1 and digits.startswith("0") else 10)
