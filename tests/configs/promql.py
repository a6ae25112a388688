"""What a PromQL expression asks for: read from its syntax tree, never from its text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import promql_parser


@dataclass
class Asked:
    """
    :param series: name -> label -> the values it is compared with.
    :param grouped: labels that are named outside of selectors: by, on, group_left.
    """

    series: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)


def asked(expression: str) -> Asked:
    """:raises ValueError: it is not PromQL. Grafana's own variables may stand where a duration or a value does."""
    found = Asked()

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            labels = found.series.setdefault(node.name or "", {})
            for matcher in node.matchers.matchers:
                labels.setdefault(matcher.name, []).append(matcher.value)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            found.grouped.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier:
            found.grouped.update(node.modifier.matching.labels if node.modifier.matching else ())
            found.grouped.update(node.modifier.group_labels or ())

    promql_parser.walk(promql_parser.parse(plain(expression)), visit)
    return found


def plain(expression: str) -> str:
    """Without Grafana's macros, which are no PromQL."""
    return re.sub(r"\$__(rate_interval|interval|range)\b", "1m", expression).replace("$__tags", "")


def alternatives(value: str) -> Iterator[str]:
    """The texts that a plain pattern such as ``a|b`` stands for; nothing if it is a variable or any other pattern."""
    if re.fullmatch(r"[\w|]+", value):
        yield from value.split("|")
