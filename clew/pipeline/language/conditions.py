"""
Conditions: ``[a] == "x" and ("y" in [b] or ![c])``.

`and` binds tighter than `or`; how a row of operators without parentheses is grouped follows logstash-core's
`compiler/lscl.rb` to the letter (see `_grouped`).
"""

from __future__ import annotations

import re

from clew.pipeline.errors import Complaint
from clew.pipeline.language.ast import (
    Comparison,
    Expression,
    Match,
    Membership,
    MethodCall,
    Not,
    Operand,
    Operation,
    Regex,
    Selector,
)
from clew.pipeline.language.scanner import Mismatch
from clew.pipeline.language.values import ValueParser

_SELECTOR = re.compile(r"(?:\[[^\]\[,]+\])+")
_REGEX = re.compile(r"/(?:\\/|[^/])*+/")
_METHOD = re.compile(r"[A-Za-z_][A-Za-z0-9_]+(?=(?:[ \t\r\n]++|#[^\r\n]*+(?:\r?\n|\Z))*+\()")
_OPERATORS = {
    "in": "'in'", "not ": "'not in'", "==": "a comparison", "!=": "a comparison", "<=": "a comparison",
    ">=": "a comparison", "<": "a comparison", ">": "a comparison", "=~": "=~ or !~", "!~": "=~ or !~",
}
_JUNCTIONS = ("and", "or", "xor", "nand")
_PRECEDENCE = {"and": 2, "or": 1}


class ConditionParser(ValueParser):
    def condition(self) -> Expression:
        expressions = [self._expression()]
        operators: list[str] = []
        while (joined := self.scan.attempt(self._joined)) is not None:
            operators.append(joined[0])
            expressions.append(joined[1])
        return self._grouped(expressions, operators)

    def _joined(self) -> tuple[str, Expression]:
        self.scan.skip()
        operator = next((word for word in _JUNCTIONS if self.scan.accept(word)), None)
        if operator is None:
            raise Mismatch
        self.scan.skip()
        return operator, self._expression()

    def _grouped(self, expressions: list[Expression], operators: list[str]) -> Expression:
        """
        Logstash's shunting yard, which takes at most one waiting operator off per step: ``a and b and c or d`` is
        ``a and ((b and c) or d)``. Parentheses in the configuration avoid the surprise.
        """
        if len(operators) > 1 and not _PRECEDENCE.keys() >= set(operators):
            message = "'xor' and 'nand' cannot stand beside other operators; add parentheses."
            self.complaints.append(Complaint.at(expressions[0].place, message))
            operators = ["and"] * len(operators)
        output: list[Expression | str] = [expressions[0]]
        waiting: list[str] = []
        for operator, expression in zip(operators, expressions[1:], strict=True):
            if waiting and _PRECEDENCE[waiting[-1]] > _PRECEDENCE[operator]:
                output.append(waiting.pop())
            waiting.append(operator)
            output.append(expression)
        stack: list[Expression] = []
        for item in [*output, *reversed(waiting)]:
            if isinstance(item, str):
                right, left = stack.pop(), stack.pop()
                stack.append(Operation(item, left, right, left.place))
            else:
                stack.append(item)
        return stack[0]

    def _expression(self) -> Expression:
        scan = self.scan
        place = scan.place()
        if scan.accept("(", '"("'):
            return self._parenthesised()
        if scan.accept("!", '"!"'):
            scan.skip()
            if scan.accept("("):
                return Not(self._parenthesised(), place)
            selector = self._selector()
            if selector is None:
                raise Mismatch
            return Not(selector, place)
        return self._test()

    def _parenthesised(self) -> Expression:
        self.scan.skip()
        condition = self.condition()
        self.scan.skip()
        self.scan.require(")")
        return condition

    def _test(self) -> Expression:
        """A comparison, membership or match; or just a value, if no operator follows."""
        left = self._operand()
        return self.scan.attempt(lambda: self._operation(left)) or left

    def _operation(self, left: Operand) -> Expression:
        scan = self.scan
        scan.skip()
        operator = next((sign for sign in _OPERATORS if scan.accept(sign, _OPERATORS[sign])), None)
        if operator is None:
            raise Mismatch
        scan.skip()
        if operator == "not ":
            scan.require("in")
            scan.skip()
        if operator in ("in", "not "):
            return Membership(operator == "not ", left, self._operand(), left.place)
        if operator in ("=~", "!~"):
            return Match(operator == "!~", left, self._pattern(), left.place)
        return Comparison(operator, left, self._operand(), left.place)

    def _operand(self) -> Operand:
        scan = self.scan
        place = scan.place()
        literal = self.text() or self.number() or self._selector() or scan.attempt(self.array)
        if literal is not None:
            return literal
        name = scan.match(_METHOD, "a field such as [name]")
        if name is not None:
            return self._method(name)
        pattern = scan.match(_REGEX, "a regular expression")
        if pattern is None:
            raise Mismatch
        return Regex(pattern[1:-1], place)

    def _method(self, name: str) -> MethodCall:
        scan = self.scan
        call = MethodCall(name, scan.place(scan.position - len(name)))
        scan.skip()
        scan.require("(")
        scan.skip()
        if not scan.accept(")"):
            self._operand()
            scan.skip()
            while scan.accept(",", "a comma"):
                scan.skip()
                self._operand()
                scan.skip()
            scan.require(")")
        return call

    def _selector(self) -> Selector | None:
        place = self.scan.place()
        source = self.scan.match(_SELECTOR, "a field such as [name]")
        return None if source is None else Selector(source, place)

    def _pattern(self) -> str:
        text = self.text()
        if text is not None:
            return text.value
        pattern = self.scan.match(_REGEX, "a regular expression")
        if pattern is None:
            raise Mismatch
        return pattern[1:-1]
