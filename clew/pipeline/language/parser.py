"""
Text to AST: the configuration language of Logstash, by recursive descent.

Source: logstash-core's `grammar.treetop` (9.x). Accepts and refuses what the real engine does, oddities included: a
backslash before a quote always escapes it, barewords have at least two characters, hash entries have no commas.
"""

from __future__ import annotations

import re

from clew.pipeline.errors import Place
from clew.pipeline.language.ast import Arm, Branch, Config, Section, SectionKind, Statement
from clew.pipeline.language.conditions import ConditionParser
from clew.pipeline.language.scanner import Mismatch, Scanner

_SECTIONS: tuple[SectionKind, ...] = ("input", "filter", "output")
_IF = re.compile(r"if(?![A-Za-z0-9_-])")  # `iffy {` is a plugin; `if {` would be one to the grammar, and is none


def parse(text: str, *, file: str, escapes: bool = False) -> Config:
    """
    *text* as an AST.

    :param file: the name that places carry.
    :param escapes: Logstash's setting `config.support_escapes`: whether backslash-n in a string is a newline.
    :raises ConfigError: it is not in the language; one complaint, at the furthest place that still made sense.
    """
    return _Parser(Scanner(text, file), escapes).config()


class _Parser(ConditionParser):
    def config(self) -> Config:
        scan = self.scan
        sections: list[Section] = []
        try:
            scan.skip()
            sections.append(self._section())
            scan.skip()
            while not scan.at_end():
                sections.append(self._section())
                scan.skip()
        except Mismatch:
            raise scan.error() from None
        return Config(tuple(sections), tuple(self.complaints))

    def _section(self) -> Section:
        scan = self.scan
        place = scan.place()
        kind = next((kind for kind in _SECTIONS if scan.accept(kind)), None)
        if kind is None:
            raise Mismatch
        scan.skip()
        return Section(kind, self._body(), place)

    def _body(self) -> tuple[Statement, ...]:
        scan = self.scan
        scan.require("{")
        scan.skip()
        statements: list[Statement] = []
        while not scan.accept("}"):
            statements.append(self._statement())
            scan.skip()
        return tuple(statements)

    def _statement(self) -> Statement:
        if _IF.match(self.scan.text, self.scan.position):
            return self._branch()
        return self.scan.attempt(self._branch) or self.plugin()

    def _branch(self) -> Branch:
        scan = self.scan
        place = scan.place()
        scan.require("if", '"if"')
        arms = [self._arm(place)]
        while (arm := scan.attempt(self._else_if)) is not None:
            arms.append(arm)
        return Branch(tuple(arms), scan.attempt(self._else) or (), place)

    def _arm(self, place: Place) -> Arm:
        self.scan.skip()
        condition = self.condition()
        self.scan.skip()
        return Arm(condition, self._body(), place)

    def _else_if(self) -> Arm:
        scan = self.scan
        scan.skip()
        place = scan.place()
        scan.require("else", '"else"')
        scan.skip()
        scan.require("if", '"if"')
        return self._arm(place)

    def _else(self) -> tuple[Statement, ...]:
        scan = self.scan
        scan.skip()
        scan.require("else", '"else"')
        scan.skip()
        return self._body()
