"""
A rule file of Prometheus (``model/rulefmt``, 3.x), read as strictly as Prometheus reads it.

Every expression is checked for its syntax and types. The templates in labels and annotations are not: they are Go's,
and whoever evaluates the rules expands them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from yaml.nodes import Node

from clew.intake.durations import duration_s
from clew.intake.prometheus_config import PrometheusConfigError
from clew.intake.yaml_reading import YamlReading
from clew.store import Labels, labels_of

GROUP_KEYS = ("name", "interval", "query_offset", "limit", "labels", "rules")
RULE_KEYS = ("record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations")
ALERT_ONLY = ("for", "keep_firing_for", "annotations")

T = TypeVar("T")

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rule:
    """
    :param kind: ``alert`` or ``record``.
    :param name: of the alert, or of the series that is recorded.
    :param for_s: how long the expression must hold before the alert fires (seconds).
    """

    kind: str
    name: str
    expr: str
    for_s: float
    keep_firing_for_s: float
    labels: Labels
    annotations: Labels


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """
    :param interval_s: None if the group takes the file's `evaluation_interval`.
    :param limit: most alerts or series that one rule may make; 0 for any number.
    """

    name: str
    interval_s: float | None
    query_offset_s: float
    limit: int
    labels: Labels
    rules: tuple[Rule, ...]


def read_prometheus_rules(text: str, *, filename: str) -> tuple[RuleGroup, ...]:
    """
    :raises PrometheusConfigError: with everything that is wrong, in the order of the file.
    """
    reading = YamlReading()
    reader = _Reader(reading)
    groups = reader.groups(reading.document(text))
    if reading.complaints:
        raise PrometheusConfigError(filename, reading.complaints)
    return groups


@dataclass(slots=True)
class _Reader:
    yaml: YamlReading

    def groups(self, node: Node | None) -> tuple[RuleGroup, ...]:
        top = self.yaml.mapping(node, "a rule file", ("groups",))
        groups: list[RuleGroup] = []
        for entry in self.yaml.items(top.get("groups"), "groups"):
            group = self._group(entry)
            if group.name and group.name in {other.name for other in groups}:
                self.yaml.complain(entry, f"two groups of this file are named '{group.name}'")
            groups.append(group)
        return tuple(groups)

    def _group(self, entry: Node) -> RuleGroup:
        values = self.yaml.mapping(entry, "a group", GROUP_KEYS)
        if "name" not in values:
            self.yaml.complain(entry, "a group needs a name")
        return RuleGroup(
            name=self._text(values, "name"),
            interval_s=self._duration(values, "interval") or None,
            query_offset_s=self._duration(values, "query_offset"),
            limit=self._read(values, "limit", 0, _count),
            labels=self._texts(values, "labels"),
            rules=tuple(self._rule(rule) for rule in self.yaml.items(values.get("rules"), "rules")),
        )

    def _rule(self, entry: Node) -> Rule:
        values = self.yaml.mapping(entry, "a rule", RULE_KEYS)
        kinds = [kind for kind in ("record", "alert") if kind in values]
        if len(kinds) != 1:
            self.yaml.complain(entry, "a rule has either 'alert' or 'record'")
        kind = kinds[0] if kinds else "alert"
        name = self._text(values, kind)
        if kind == "record":
            if name and _METRIC.fullmatch(name) is None:
                self.yaml.complain(values["record"], f"'{name}' is not a metric name: letters, digits, _ and :")
            for key in ALERT_ONLY:
                if key in values:
                    self.yaml.complain(values[key], f"'{key}' belongs to alerts; this rule records '{name}'")
        if "expr" not in values:
            self.yaml.complain(entry, "a rule needs an expr")
        return Rule(
            kind=kind,
            name=name,
            expr=self._read(values, "expr", "", _expression),
            for_s=self._duration(values, "for"),
            keep_firing_for_s=self._duration(values, "keep_firing_for"),
            labels=self._texts(values, "labels"),
            annotations=self._texts(values, "annotations"),
        )

    def _texts(self, values: Mapping[str, Node], key: str) -> Labels:
        texts: dict[str, str] = {}
        for name, value in self.yaml.mapping(values.get(key), key).items():
            text = self.yaml.text(value, f"{key}: '{name}'")
            if _LABEL.fullmatch(name) is None or (key == "labels" and name == "__name__"):
                self.yaml.complain(value, f"'{name}' is not a name for one of the {key}: letters, digits and _")
            elif text is not None:
                texts[name] = text
        return labels_of(texts)

    def _text(self, values: Mapping[str, Node], key: str) -> str:
        return self._read(values, key, "", str)

    def _duration(self, values: Mapping[str, Node], key: str) -> float:
        return self._read(values, key, 0.0, duration_s)

    def _read(self, values: Mapping[str, Node], key: str, default: T, convert: Callable[[str], T]) -> T:
        text = self.yaml.text(values[key], key) if key in values else None
        if text is None:
            return default
        try:
            return convert(text)
        except ValueError as error:
            self.yaml.complain(values[key], f"{key}: {error}")
            return default


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"'{text}' is not a whole number")
    return int(text)


def _expression(text: str) -> str:
    import promql_parser  # a library of its own size: loaded by whoever has rules

    tree = promql_parser.parse(text)

    def check(node: promql_parser.Expr) -> None:
        # The parser takes {a="b" or c="d"}, which only VictoriaMetrics does.
        if isinstance(node, promql_parser.VectorSelector) and node.matchers.or_matchers:
            raise ValueError("a selector cannot have 'or' between its matchers")

    promql_parser.walk(tree, check)
    return text
