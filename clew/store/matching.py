"""
What it means to match a filter, said once for all stores. Pure functions of values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from clew.store import Labels, LogFilter, LogLine, Matcher, SelectionError, Span, SpanFilter
from clew.store.model import value_at

SEARCHED = ("message", "error.message", "error.stack_trace")
"""The fields that ``LogFilter.text`` looks into."""

SINGLE = frozenset(
    ("service.name", "log.level", "trace.id", "event.id", "http.request.id", "order.id", "user.id")
)
"""Fields that have one value by the vocabulary, and that stores index. A list in one of them matches nothing."""


def as_text(value: Any) -> str | None:
    """
    *value* as filters spell it (``200``, ``0.5``, ``true``); None for what has no text: nothing, objects, lists.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return None


def has_value(value: Any, wanted: str) -> bool:
    """
    Whether *value*, or an element of it if it is a list, reads *wanted*.
    """
    if isinstance(value, list | tuple):
        return any(as_text(element) == wanted for element in value)
    return as_text(value) == wanted


def field_is(document: Mapping[str, Any], path: str, wanted: str) -> bool:
    """
    Whether the field at the dotted *path* reads *wanted*.
    """
    value = value_at(document, path)
    return as_text(value) == wanted if path in SINGLE else has_value(value, wanted)


def searched_text(line: LogLine) -> str:
    """
    All that ``LogFilter.text`` looks into, folded to one case; NUL parts the fields, so that none runs into the next.
    """
    texts = (line.get(path) for path in SEARCHED)
    return "\0".join(text for text in texts if isinstance(text, str)).casefold()


def line_matches(line: LogLine, where: LogFilter) -> bool:
    """
    Whether *line* passes every condition of *where*; ``before`` and ``limit`` are the caller's.
    """
    return (
        line.index.startswith(where.index_prefix)
        and (where.from_ns is None or line.timestamp_ns >= where.from_ns)
        and (where.to_ns is None or line.timestamp_ns < where.to_ns)
        and (not where.trace_id or field_is(line.document, "trace.id", where.trace_id))
        and (not where.services or (as_text(line.get("service.name")) or "") in where.services)
        and (not where.levels or (as_text(line.get("log.level")) or "") in where.levels)
        and all(field_is(line.document, path, wanted) for path, wanted in where.fields)
        and (not where.text or where.text.casefold() in searched_text(line))
    )


def has_attributes(attributes: Mapping[str, Any], wanted: Sequence[tuple[str, str]]) -> bool:
    """
    Whether every (name, value as text) of *wanted* is among *attributes*.
    """
    return all(has_value(attributes.get(name), value) for name, value in wanted)


def span_matches(span: Span, where: SpanFilter) -> bool:
    """
    Whether *span* passes every condition of *where*; ``limit`` is the caller's.
    """
    return (
        (not where.service or span.service == where.service)
        and (not where.name or span.name == where.name)
        and (not where.trace_ids or span.trace_id in where.trace_ids)
        and (not where.error or span.status == "error")
        and (not where.min_duration_ns or span.duration_ns >= where.min_duration_ns)
        and (not where.max_duration_ns or span.duration_ns <= where.max_duration_ns)
        and (where.from_ns is None or span.start_ns >= where.from_ns)
        and (where.to_ns is None or span.start_ns < where.to_ns)
        and has_attributes(span.attributes, where.attributes)
    )


def series_matcher(matchers: Sequence[Matcher]) -> Callable[[Labels], bool]:
    """
    A test for label sets. A label that a series lacks is the empty string, and regular expressions match whole values,
    as in https://prometheus.io/docs/prometheus/latest/querying/basics/. SelectionError if an expression cannot be read.
    """
    tests = [(matcher.name, _value_test(matcher)) for matcher in matchers]

    def matches(labels: Labels) -> bool:
        values = dict(labels)
        return all(test(values.get(name, "")) for name, test in tests)

    return matches


def _value_test(matcher: Matcher) -> Callable[[str], bool]:
    wanted = matcher.value
    if matcher.op == "=":
        return lambda value: value == wanted
    if matcher.op == "!=":
        return lambda value: value != wanted
    if matcher.op not in ("=~", "!~"):
        raise SelectionError(f"{matcher.op!r} is not a label matcher; use one of = != =~ !~")
    try:
        # DOTALL: in Prometheus 3 a dot also matches a line break.
        pattern = re.compile(wanted, re.DOTALL)
    except re.error as error:
        raise SelectionError(f"the pattern {wanted!r} for label {matcher.name!r} is broken: {error}") from error
    if matcher.op == "=~":
        return lambda value: pattern.fullmatch(value) is not None
    return lambda value: pattern.fullmatch(value) is None
