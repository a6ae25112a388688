"""
Conditions as functions of an event.

Source: logstash-core's `EventCondition` (9.x), what it does by accident included: a comparison with something absent
or of another type drops the event, `in` compares by type or by text depending on what stands where.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Final

from clew.pipeline import java, regex, ruby
from clew.pipeline.errors import Place
from clew.pipeline.event import Event, reader
from clew.pipeline.fields import MISSING, EventError, reference
from clew.pipeline.language.ast import (
    Array,
    Comparison,
    Expression,
    Match,
    Membership,
    MethodCall,
    Not,
    Number,
    Operand,
    Operation,
    Regex,
    Selector,
    Text,
    Value,
)
from clew.pipeline.substitution import MissingVariableError, substituted
from clew.pipeline.timestamp import Timestamp

Condition = Callable[[Event], bool]
Read = Callable[[Event], object]

NOT_COMPARABLE: Final = "condition_not_comparable"
CONDITION_CRASH: Final = "condition_crash"

_TESTS: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}
_CONVERSE = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


class ConditionError(Exception):
    """
    The condition has no answer for this event. The real engine drops it (*reason* NOT_COMPARABLE) or stops with an
    exception (CONDITION_CRASH).
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(Exception):
    """What stands there has no meaning as a condition."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


def compile_condition(expression: Expression, environment: Mapping[str, str]) -> Condition:
    """
    *expression* as a function, which raises ConditionError where there is no answer.

    :param environment: for ``${VAR}`` in quoted strings (not in patterns, as in Logstash).
    :raises Refused: it has no meaning.
    """
    return _Compiler(environment).whole(expression)


class _Compiler:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def whole(self, expression: Expression) -> Condition:
        if isinstance(expression, (Text, Number, Array, Regex)):
            holds = _truthy(self._constant(expression))
            return lambda event: holds
        return self._boolean(expression)

    def _boolean(self, expression: Expression) -> Condition:
        if isinstance(expression, Operation):
            return self._operation(expression)
        if isinstance(expression, Not):
            inner = self._boolean(expression.operand)
            return lambda event: not inner(event)
        if isinstance(expression, Comparison):
            return self._equality(expression) if expression.operator in ("==", "!=") else self._order(expression)
        if isinstance(expression, Membership):
            found = self._membership(expression)
            return (lambda event: not found(event)) if expression.negated else found
        if isinstance(expression, Match):
            matches = self._match(expression)
            return (lambda event: not matches(event)) if expression.negated else matches
        if isinstance(expression, Selector):
            read = self._read(expression)
            return lambda event: _truthy(read(event))
        raise Refused(expression.place, _WHY_NOT.get(type(expression), "a constant cannot be a condition here."))

    def _operation(self, expression: Operation) -> Condition:
        left, right = self._boolean(expression.left), self._boolean(expression.right)
        if expression.operator == "and":
            return lambda event: left(event) and right(event)
        if expression.operator == "or":
            return lambda event: left(event) or right(event)
        if expression.operator == "nand":
            return lambda event: not (left(event) and right(event))
        return lambda event: left(event) != right(event)

    def _read(self, selector: Selector) -> Read:
        try:
            return reader(reference(selector.source))
        except EventError as wrong:
            raise Refused(selector.place, f"{wrong}.") from wrong

    def _constant(self, node: Text | Number | Array | Regex) -> object:
        if isinstance(node, Number):
            return node.value
        if isinstance(node, Regex):
            return node.pattern
        if isinstance(node, Text):
            try:
                return substituted(node.value, self._environment)
            except MissingVariableError as missing:
                raise Refused(node.place, str(missing)) from missing
        return [self._item(item) for item in node.items]

    def _item(self, item: object) -> object:
        if isinstance(item, (Text, Number, Array)):
            return self._constant(item)
        return getattr(item, "value", "")  # a bareword; what else the grammar allows in a list means nothing in one

    def _scalar(self, node: Operand | Value) -> object:
        """The constant that a comparison uses: of a list its first element, as Logstash takes it."""
        if isinstance(node, (Text, Number)):
            return self._constant(node)
        if isinstance(node, Array) and node.items:
            return self._scalar(node.items[0])
        raise Refused(node.place, _WHY_NOT.get(type(node), "this cannot be compared with."))

    def _equality(self, expression: Comparison) -> Condition:
        left, right = expression.left, expression.right
        if isinstance(left, Array):
            raise Refused(left.place, "a list cannot stand left of a comparison.")
        if isinstance(left, Selector) and isinstance(right, Selector):
            one, other = self._read(left), self._read(right)
            equal: Condition = lambda event: equals(one(event), other(event))  # noqa: E731
        elif isinstance(left, Selector) or isinstance(right, Selector):
            selector, constant = (left, right) if isinstance(left, Selector) else (right, left)
            assert isinstance(selector, Selector)
            equal = _equals_constant(self._read(selector), self._scalar(constant))
        else:
            same = equals(self._scalar(left), self._scalar(right))
            equal = lambda event: same  # noqa: E731
        return equal if expression.operator == "==" else lambda event: not equal(event)

    def _order(self, expression: Comparison) -> Condition:
        left, right = expression.left, expression.right
        if isinstance(left, Array):
            raise Refused(left.place, "a list cannot stand left of a comparison.")
        holds = _TESTS[expression.operator]
        if isinstance(left, Selector) and isinstance(right, Selector):
            one, other = self._read(left), self._read(right)
            return lambda event: holds(compared(one(event), other(event)), 0)
        if isinstance(left, Selector):
            read, bound = self._read(left), self._scalar(right)
            return lambda event: holds(compared(read(event), bound), 0)
        bound = self._scalar(left)
        if isinstance(right, Selector):
            read, holds = self._read(right), _TESTS[_CONVERSE[expression.operator]]
            return lambda event: holds(compared(read(event), bound), 0)
        against = self._scalar(right)
        if type(bound) is not type(against):
            raise Refused(expression.place, "constants of different types cannot be compared.")
        result = holds(compared(bound, against), 0)
        return lambda event: result

    def _membership(self, expression: Membership) -> Condition:
        left, right = expression.left, expression.right
        if isinstance(left, Selector):
            read = self._read(left)
            if isinstance(right, Selector):
                return _field_in_field(read, self._read(right))
            if isinstance(right, Array):
                texts = frozenset(java.text_of(self._item(item)) for item in right.items)
                return lambda event: _text_among(read(event), texts)
            if isinstance(right, (Text, Number)):
                text = java.text_of(self._constant(right))
                return lambda event: isinstance(value := read(event), str) and value in text
        elif isinstance(left, (Text, Number)):
            wanted = self._constant(left)
            if isinstance(right, Selector):
                return _constant_in_field(wanted, self._read(right))
            if isinstance(right, (Text, Number, Array)):
                same = equals(wanted, self._constant(right))
                return lambda event: same
        raise Refused(expression.place, "'in' takes a field on one side, and no list, function or pattern on the left.")

    def _match(self, expression: Match) -> Condition:
        try:
            search = regex.compiled(expression.pattern).search
        except regex.RegexError as wrong:
            raise Refused(expression.place, f"{wrong}.") from wrong
        if isinstance(expression.left, Selector):
            read = self._read(expression.left)
            return lambda event: isinstance(value := read(event), str) and search(value) is not None
        if isinstance(expression.left, Text):
            found = search(str(self._constant(expression.left))) is not None
            return lambda event: found
        raise Refused(expression.place, "only a field or a string can be matched against a pattern.")


_WHY_NOT = {
    MethodCall: "conditions have no functions.",
    Regex: "a pattern can only stand after =~ or !~.",
    Array: "an empty list cannot be compared with.",
}


def _truthy(value: object) -> bool:
    """False for absent, null, false, the empty string and the string "false"; true for all else, 0 and [] included."""
    if value is MISSING or value is None or value is False:
        return False
    return not isinstance(value, str) or (value not in ("", "false"))


def equals(left: object, right: object) -> bool:
    """By type and value: 5, 5.0 and "5" are three different things; two absent fields are equal."""
    if type(left) is not type(right):
        return False
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equals, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equals(value, right[key]) for key, value in left.items())
    return left == right


def _equals_constant(read: Read, constant: object) -> Condition:
    kind = type(constant)

    def test(event: Event) -> bool:
        value = read(event)
        return type(value) is kind and value == constant

    return test


def compared(left: object, right: object) -> int:
    """
    Negative, zero or positive. Null and booleans left are "equal" to anything comparable.

    :raises ConditionError: they cannot be compared.
    """
    if left is MISSING or isinstance(left, (list, dict)):
        raise ConditionError(NOT_COMPARABLE)
    if right is MISSING or isinstance(right, (list, dict)):
        raise ConditionError(CONDITION_CRASH)
    if left is None or isinstance(left, bool):
        return 0
    if isinstance(left, Timestamp):
        return (left > right) - (left < right) if isinstance(right, Timestamp) else 0
    if isinstance(left, str) and isinstance(right, str):
        return (left > right) - (left < right)
    if isinstance(left, (int, float)) and isinstance(right, (int, float)) and not isinstance(right, bool):
        return (left > right) - (left < right)
    raise ConditionError(NOT_COMPARABLE)


def _text_among(value: object, texts: frozenset[str]) -> bool:
    if type(value) is str:
        return value in texts
    if value is MISSING:
        return False
    return (java.text_of(value) if isinstance(value, (list, dict)) else ruby.text_of(value)) in texts


def _constant_in_field(wanted: object, read: Read) -> Condition:
    """A string in a string, or anything in a list by type and value; a number is never in what is no list."""

    def test(event: Event) -> bool:
        held = read(event)
        if isinstance(held, list):
            return any(equals(wanted, item) for item in held)
        return isinstance(wanted, str) and isinstance(held, str) and wanted in held

    return test


def _field_in_field(read_left: Read, read_right: Read) -> Condition:
    def test(event: Event) -> bool:
        left, right = read_left(event), read_right(event)
        if isinstance(left, (list, dict)):
            return False
        if isinstance(left, str) and isinstance(right, str):
            return left in right
        if isinstance(right, list):
            if left is MISSING and right:
                raise ConditionError(CONDITION_CRASH)
            return any(equals(left, item) for item in right)
        return left is not MISSING and equals(left, right)

    return test
