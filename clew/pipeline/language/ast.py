"""The parsed form of a Logstash configuration. Every node knows its place; strings are as the language means them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from clew.pipeline.errors import Complaint, Place

SectionKind: TypeAlias = Literal["input", "filter", "output"]


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string. *value* has its escapes resolved if the setting is on; *source* is as written, with quotes."""

    value: str
    source: str
    place: Place


@dataclass(frozen=True, slots=True)
class Bareword:
    value: str
    place: Place


@dataclass(frozen=True, slots=True)
class Number:
    value: int | float
    source: str
    place: Place


@dataclass(frozen=True, slots=True)
class Array:
    items: tuple[Value, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class HashEntry:
    key: Text | Bareword | Number
    value: Value


@dataclass(frozen=True, slots=True)
class Hash:
    entries: tuple[HashEntry, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Attribute:
    """One option of a plugin: ``name => value``."""

    name: str
    value: Value
    place: Place


@dataclass(frozen=True, slots=True)
class PluginBlock:
    """A plugin with its options, in the order written. As a value it is a codec."""

    name: str
    attributes: tuple[Attribute, ...]
    place: Place


Value: TypeAlias = Text | Bareword | Number | Array | Hash | PluginBlock


@dataclass(frozen=True, slots=True)
class Selector:
    """A field in a condition: ``[a][b]``, as written."""

    source: str
    place: Place


@dataclass(frozen=True, slots=True)
class Regex:
    pattern: str
    place: Place


@dataclass(frozen=True, slots=True)
class MethodCall:
    """``name(…)``: the grammar has it, no engine runs it."""

    name: str
    place: Place


Operand: TypeAlias = Text | Number | Selector | Array | MethodCall | Regex


@dataclass(frozen=True, slots=True)
class Comparison:
    operator: str
    left: Operand
    right: Operand
    place: Place


@dataclass(frozen=True, slots=True)
class Membership:
    """``left in right``, or ``left not in right`` if *negated*."""

    negated: bool
    left: Operand
    right: Operand
    place: Place


@dataclass(frozen=True, slots=True)
class Match:
    """``left =~ pattern``, or ``!~`` if *negated*."""

    negated: bool
    left: Operand
    pattern: str
    place: Place


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression
    place: Place


@dataclass(frozen=True, slots=True)
class Operation:
    """Two expressions joined by ``and``, ``or``, ``xor`` or ``nand``."""

    operator: str
    left: Expression
    right: Expression
    place: Place


Expression: TypeAlias = Operand | Comparison | Membership | Match | Not | Operation


@dataclass(frozen=True, slots=True)
class Arm:
    """``if condition { body }`` or ``else if condition { body }``; *place* is that of the keyword."""

    condition: Expression
    body: tuple[Statement, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Branch:
    """The first arm whose condition holds is taken, else *otherwise*."""

    arms: tuple[Arm, ...]
    otherwise: tuple[Statement, ...]
    place: Place


Statement: TypeAlias = PluginBlock | Branch


@dataclass(frozen=True, slots=True)
class Section:
    kind: SectionKind
    statements: tuple[Statement, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Config:
    """
    A whole file. *complaints* are what the grammar allows but the language refuses (a key twice in one hash, ``xor``
    mixed with ``or``).
    """

    sections: tuple[Section, ...]
    complaints: tuple[Complaint, ...]

    def statements(self, kind: SectionKind) -> tuple[Statement, ...]:
        """All statements of that kind of section, in the order of the file."""
        return tuple(statement for section in self.sections if section.kind == kind for statement in section.statements)
