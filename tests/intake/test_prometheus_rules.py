"""Rule files: what is read, what is refused, and that each of our own lines counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from clew.intake.prometheus_config import PrometheusConfigError
from clew.intake.prometheus_rules import RuleGroup, read_prometheus_rules

FILES = sorted((Path(__file__).parents[2] / "alerts").glob("*.rules.yml"))


def read(text: str) -> tuple[RuleGroup, ...]:
    return read_prometheus_rules(text, filename="a.rules.yml")


def complaints(text: str) -> list[str]:
    with pytest.raises(PrometheusConfigError) as caught:
        read(text)
    return str(caught.value).splitlines()


def test_a_group_is_read_whole() -> None:
    (group,) = read(
        """
groups:
  - name: g
    interval: 1m
    query_offset: 10s
    limit: 3
    labels: {team: shop}
    rules:
      - {record: job:requests:rate5m, expr: 'sum by (job) (rate(requests_total[5m]))', labels: {a: b}}
      - {alert: Down, expr: up == 0, for: 30s, keep_firing_for: 2m, labels: {severity: page}, annotations: {summary: x}}
"""
    )
    recorded, alert = group.rules
    assert (group.name, group.interval_s, group.query_offset_s, group.limit) == ("g", 60, 10, 3)
    assert group.labels == (("team", "shop"),)
    assert (recorded.kind, recorded.name, recorded.labels) == ("record", "job:requests:rate5m", (("a", "b"),))
    assert (alert.kind, alert.name, alert.expr) == ("alert", "Down", "up == 0")
    assert (alert.for_s, alert.keep_firing_for_s) == (30, 120)
    assert (alert.labels, alert.annotations) == ((("severity", "page"),), (("summary", "x"),))


def test_everything_that_is_wrong_is_told_at_once_in_the_order_of_the_file() -> None:
    text = """\
groups:
  - name: a
    every: 5s
    limit: few
    rules:
      - alert: X
        record: y
      - record: a b
        expr: sum(
        for: 1m
        annotations: {}
      - alert: A
        expr: rate(up)
        for: soon
        labels: {__name__: n, a.b: c}
      - alert: B
        expr: up{a="1" or b="2"}
        severity: page
  - name: a
  - rules: []
spec: {}
"""
    assert complaints(text) == [
        "a.rules.yml:3:5: the embedded stack does not support 'every' (yet); supported in a group: name, interval, "
        "query_offset, limit, labels, rules",
        "a.rules.yml:4:12: limit: 'few' is not a whole number",
        "a.rules.yml:6:9: a rule has either 'alert' or 'record'",
        "a.rules.yml:6:9: a rule needs an expr",
        "a.rules.yml:8:17: 'a b' is not a metric name: letters, digits, _ and :",
        "a.rules.yml:9:15: expr: unclosed left parenthesis",
        "a.rules.yml:10:14: 'for' belongs to alerts; this rule records 'a b'",
        "a.rules.yml:11:22: 'annotations' belongs to alerts; this rule records 'a b'",
        "a.rules.yml:13:15: expr: expected type matrix in call to function 'rate', got vector",
        "a.rules.yml:14:14: for: 'soon' is not a duration; write it like 500ms, 5s, 1m30s or 1h",
        "a.rules.yml:15:28: '__name__' is not a name for one of the labels: letters, digits and _",
        "a.rules.yml:15:36: 'a.b' is not a name for one of the labels: letters, digits and _",
        "a.rules.yml:17:15: expr: a selector cannot have 'or' between its matchers",
        "a.rules.yml:18:9: the embedded stack does not support 'severity' (yet); supported in a rule: record, alert, "
        "expr, for, keep_firing_for, labels, annotations",
        "a.rules.yml:19:5: two groups of this file are named 'a'",
        "a.rules.yml:20:5: a group needs a name",
        "a.rules.yml:21:1: the embedded stack does not support 'spec' (yet); supported in a rule file: groups",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_line_of_our_rules_has_an_effect(file: Path) -> None:
    """Without it the rules are others, or none."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    ours = read("".join(lines))
    idle = []
    for number, line in enumerate(lines):
        if not line.strip() or line.strip().startswith("#"):
            continue
        try:
            changed: tuple[RuleGroup, ...] | None = read("".join(lines[:number] + lines[number + 1 :]))
        except PrometheusConfigError:
            changed = None
        if changed == ours:
            idle.append(f"{file.name}:{number + 1}: {line.strip()}")

    assert idle == []
