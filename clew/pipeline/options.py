"""
The options of a plugin: which there are, and their values checked and converted.

Source: logstash-core's `config/mixin.rb` and `compiler/lscl.rb` (9.x): an option given twice is merged, a single value
will do for a list, a list of pairs for a hash. Hashes written as such are walked in the order of a `java.util.HashMap`,
lists of pairs in the order written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from clew.pipeline import java, ruby
from clew.pipeline.errors import Complaint, Place
from clew.pipeline.fields import EventError, reference
from clew.pipeline.language.ast import Array, Attribute, Bareword, Hash, Number, PluginBlock, Text, Value
from clew.pipeline.substitution import MissingVariableError, refined

Kind = Literal["string", "number", "boolean", "list", "hash", "password", "field", "codec", "duration"]

_DURATION = re.compile(
    r"(\d+(?:\.\d+)?)\s?(?:(us(?:ec)?s?)|(ms(?:ec)?s?)|(s(?:ec)?(?:ond)?s?)|(m(?:in)?(?:ute)?s?)|(h(?:our)?s?)|(d(?:ay)?s?)"
    r"|(w(?:eek)?s?))?"
)
_SECONDS = (1e-6, 1e-3, 1.0, 60.0, 3600.0, 86_400.0, 604_800.0)


class OptionError(ValueError):
    """The value of an option does not do; the message is a sentence."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


@dataclass(frozen=True, slots=True)
class Option:
    """
    :param choices: the texts allowed; any if empty.
    :param unit_s: for a duration, what a number without unit means (seconds).
    """

    name: str
    kind: Kind = "string"
    default: object = None
    required: bool = False
    choices: tuple[str, ...] = ()
    unit_s: float = 1.0


class Options:
    """The checked options of one plugin. Asking for an option as something it is not is a programming error."""

    def __init__(self, place: Place, values: Mapping[str, object], places: Mapping[str, Place]) -> None:
        self.place = place
        self._values = values
        self._places = places

    def place_of(self, name: str) -> Place:
        return self._places.get(name, self.place)

    def given(self) -> dict[str, object]:
        """What the configuration sets, by name."""
        return {name: self._values[name] for name in self._places}

    def with_text(self, name: str, value: str) -> Options:
        """The same options with that one set; it does not count as given."""
        return Options(self.place, {**self._values, name: value}, self._places)

    def text(self, name: str) -> str:
        """The empty string if it is not set."""
        value = self._values[name]
        assert value is None or isinstance(value, str)
        return value or ""

    def number(self, name: str) -> float:
        value = self._values[name]
        assert isinstance(value, (int, float))
        return value

    def optional_number(self, name: str) -> float | None:
        return None if self._values[name] is None else self.number(name)

    def flag(self, name: str) -> bool:
        value = self._values[name]
        assert isinstance(value, bool)
        return value

    def items(self, name: str) -> list[object]:
        value = self._values[name]
        assert value is None or isinstance(value, list)
        return value or []

    def texts(self, name: str) -> list[str]:
        return [ruby.text_of(item) for item in self.items(name)]

    def mapping(self, name: str) -> dict[str, object]:
        value = self._values[name]
        assert value is None or isinstance(value, dict)
        return value or {}

    def items_or_mapping(self, name: str) -> object:
        """A list or hash, empty if it is not set."""
        return self._values[name] or []

    def codec(self, name: str) -> PluginBlock:
        """A codec; one given by its name alone has no options."""
        value = self._values[name]
        return value if isinstance(value, PluginBlock) else PluginBlock(self.text(name), (), self.place_of(name))


def resolve(
    block: PluginBlock, declared: Sequence[Option], environment: Mapping[str, str], kind: str
) -> tuple[Options, list[Complaint]]:
    """The options of *block*, and what is wrong with them. Usable only if nothing is."""
    known = {option.name: option for option in declared}
    complaints: list[Complaint] = []
    raw: dict[str, object] = {}
    places: dict[str, Place] = {}
    for attribute in block.attributes:
        if attribute.name not in known:
            complaints.append(Complaint.at(attribute.place, _unknown(attribute, block, kind, known)))
            continue
        try:
            value = _Evaluation(environment).value(attribute.value)
            raw[attribute.name] = _merged(raw[attribute.name], value) if attribute.name in raw else value
            places.setdefault(attribute.name, attribute.place)
        except _ValueError as wrong:
            complaints.append(Complaint.at(wrong.place or attribute.place, str(wrong)))
    values: dict[str, object] = {}
    for option in declared:
        given = raw.get(option.name)
        if given is None and option.name not in places:
            values[option.name] = option.default
            if option.required and not any(attribute.name == option.name for attribute in block.attributes):
                message = f"the {kind} '{block.name}' needs the option '{option.name}'."
                complaints.append(Complaint.at(block.place, message))
            continue
        try:
            values[option.name] = _converted(option, java.hash_order(given) if isinstance(given, dict) else given)
        except ValueError as wrong:
            complaints.append(Complaint.at(places[option.name], f"the option '{option.name}' {wrong}."))
    return Options(block.place, values, places), complaints


def _unknown(attribute: Attribute, block: PluginBlock, kind: str, known: Mapping[str, Option]) -> str:
    return (
        f"the embedded stack does not support the option '{attribute.name}' of the {kind} '{block.name}'; "
        f"supported: {', '.join(sorted(known))}."
    )


class _ValueError(ValueError):
    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(message)
        self.place = place


class _Evaluation:
    """AST values as Python values: str, int, float, list, dict; a plugin stays what it is."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def value(self, node: Value) -> object:
        if isinstance(node, Text):
            try:
                return refined(node.value, self._environment)
            except MissingVariableError as missing:
                raise _ValueError(str(missing), node.place) from missing
        if isinstance(node, (Bareword, Number)):
            return node.value
        if isinstance(node, PluginBlock):
            return node
        if isinstance(node, Array):
            return [self._inner(item) for item in node.items]
        return self._hash(node)

    def _inner(self, node: Value) -> object:
        if isinstance(node, PluginBlock):
            raise _ValueError("a plugin cannot stand in a list or hash.", node.place)
        return self.value(node)

    def _hash(self, node: Hash) -> dict[str, object]:
        return {ruby.text_of(entry.key.value): self._inner(entry.value) for entry in node.entries}


def _merged(held: object, value: object) -> object:
    """An option given twice."""
    if isinstance(held, PluginBlock) or isinstance(value, PluginBlock):
        raise _ValueError("a plugin has one codec.")
    if isinstance(held, dict):
        if not isinstance(value, dict):
            raise _ValueError("the option is given twice, once as a hash and once not.")
        merged = dict(held)
        for key, item in value.items():
            merged[key] = _joined(merged[key], item) if key in merged else item
        return merged
    if isinstance(held, list):
        return [*held, *(value if isinstance(value, list) else [value])]
    return held if held == value else [held, value]


def _joined(held: object, item: object) -> object:
    """The values of a key that stands in both hashes: all of them, in a list."""
    if isinstance(item, list):
        return [*(held if isinstance(held, list) else [held]), *item]
    if isinstance(held, list):
        return held if item in held else [*held, item]
    return held if held == item else [held, item]


def _converted(option: Option, given: object) -> object:
    """*given* as the option wants it. :raises ValueError: a phrase that follows the option's name."""
    if option.kind == "list":
        if isinstance(given, (dict, PluginBlock)):
            raise ValueError("must be a list")
        return given if isinstance(given, list) else [given]
    if option.kind == "hash":
        return given if isinstance(given, dict) else _pairs(given)
    if isinstance(given, list) and len(given) == 1:
        given = given[0]
    if option.kind == "codec":
        if isinstance(given, PluginBlock):
            return given
        if not isinstance(given, str):
            raise ValueError("must be one codec")
        return given
    if isinstance(given, (list, dict, PluginBlock)):
        raise ValueError(f"must be one {option.kind}")
    if option.kind == "number":
        return _number(given)
    if option.kind == "boolean":
        if given not in ("true", "false"):
            raise ValueError("must be true or false")
        return given == "true"
    text = ruby.text_of(given)
    if option.kind == "duration":
        return _duration(text, option.unit_s)
    if option.choices and text not in option.choices:
        raise ValueError(f"must be one of {', '.join(option.choices)}; it is '{text}'")
    if option.kind == "field" and text:
        try:
            reference(text)
        except EventError as wrong:
            raise ValueError(f"must be a field; {wrong}") from wrong
    return text


def _pairs(given: object) -> dict[str, object]:
    items = given if isinstance(given, list) else [given]
    if len(items) % 2 or isinstance(given, PluginBlock):
        raise ValueError("must be a hash, or a list of pairs")
    pairs: dict[str, object] = {}
    for key, value in zip(items[::2], items[1::2], strict=True):
        name = ruby.text_of(key)
        held = pairs.get(name)
        if name not in pairs:
            pairs[name] = value
        else:
            pairs[name] = [*held, value] if isinstance(held, list) else [held, value]
    return pairs


def _number(given: object) -> int | float:
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return given
    text = str(given)
    if re.fullmatch(r"-?(?:0|[1-9]\d*)", text, re.ASCII):
        return int(text)
    if re.fullmatch(r"-?(?:0|[1-9]\d*)\.\d+", text, re.ASCII):
        return float(text)
    raise ValueError(f"must be a number; it is '{text}'")


def _duration(text: str, unit_s: float) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"must be a duration such as 250ms, 60 sec, 18h or 2 weeks; it is '{text}'")
    for seconds, unit in zip(_SECONDS, match.groups()[1:], strict=True):
        if unit is not None:
            return float(match[1]) * seconds
    return float(match[1]) * unit_s
