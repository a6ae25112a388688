"""
What the stores keep: one log document, one sample, one exemplar, one span.

Times are integers since the Unix epoch, in the unit that the name says.
Everything here is immutable; the mappings must not be changed by whoever holds one.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Labels = tuple[tuple[str, str], ...]
"""Sorted (name, value) pairs; the metric's name is the label ``__name__``, as in Prometheus."""


STALE: float = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]
"""Prometheus' stale marker: the NaN with the bits 0x7ff0000000000002. It ends a series; test for it with `is_stale`."""

_STALE_BYTES = struct.pack("<d", STALE)


def is_stale(value: float) -> bool:
    """
    Whether *value* is the stale marker and not just any NaN. Arithmetic on a marker makes an ordinary NaN of it.
    """
    return math.isnan(value) and struct.pack("<d", value) == _STALE_BYTES


def labels_of(mapping: Mapping[str, str]) -> Labels:
    """
    *mapping* as sorted pairs. Labels with an empty value are left out: to Prometheus they do not exist.
    """
    return tuple(sorted((name, value) for name, value in mapping.items() if value != ""))


def value_at(document: Mapping[str, Any], path: str, default: Any = None) -> Any:
    """
    The value at a dotted *path* of nested objects, or *default*.
    """
    value: Any = document
    for part in path.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return default
        value = value[part]
    return value


@dataclass(frozen=True, slots=True)
class LogLine:
    """
    One document of an index, as the pipeline's `elasticsearch` output would index it.

    :param index: for example ``clew-logs-2026.11.21``; lines that were not JSON go to ``clew-malformed-…``.
    :param id: the document's ``_id``. Appending the same (index, id) again replaces the document.
    :param timestamp_ns: the event's ``@timestamp``, nanoseconds.
    :param document: nested ECS fields (``{"service": {"name": …}}``), ``@timestamp`` included as RFC 3339 text.
    """

    index: str
    id: str
    timestamp_ns: int
    document: Mapping[str, Any]

    @property
    def sequence(self) -> int:
        """
        `event.sequence`, which orders lines of the same moment; 0 where there is none.
        """
        value = self.get("event.sequence")
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    @property
    def cursor(self) -> tuple[int, int, str]:
        """
        Where this line stands, newest first. As ``LogFilter.before`` it continues after this line.
        """
        return self.timestamp_ns, self.sequence, self.id

    def get(self, path: str, default: Any = None) -> Any:
        """
        The value at a dotted path such as ``http.response.status_code``, or *default*.
        """
        return value_at(self.document, path, default)


@dataclass(frozen=True, slots=True)
class LogFilter:
    """
    Which lines. Every field that is set must match; a tuple matches any of its values.

    :param text: case-insensitive substring of ``message``, ``error.message`` or ``error.stack_trace``.
    :param fields: further exact matches, (dotted path, value as text), e.g. ``("order.id", "ord_1")``. Numbers compare
        by their shortest text (``200``, ``0.5``), booleans as ``true`` and ``false``, a list by any of its elements.
    :param from_ns: first moment that matches (inclusive), *to_ns* the first that does not (exclusive).
    :param before: a cursor, the (timestamp_ns, sequence, id) of the last line already seen; older lines follow.
        Lines of two indices that share all three count as seen together.
    """

    index_prefix: str = "clew-"
    services: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    text: str = ""
    trace_id: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    before: tuple[int, int, str] | None = None
    limit: int = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """
    One value of one series. *timestamp_ms* is the scrape's time unless the target gave one (milliseconds).
    """

    labels: Labels
    timestamp_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Exemplar:
    """
    One real request behind a bucket.

    :param series: the labels of the series it stands on (``…_bucket`` with ``le``).
    :param labels: its own labels: ``trace_id`` and ``span_id``.
    :param value: what was observed, in the metric's unit (seconds).
    """

    series: Labels
    labels: Labels
    timestamp_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Matcher:
    """
    A label matcher. *op* is one of ``= != =~ !~``; regular expressions are anchored, as in Prometheus.
    """

    name: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Series:
    """
    The points of one series, oldest first: (timestamp_ms, value).
    """

    labels: Labels
    points: tuple[tuple[int, float], ...]

    def label(self, name: str) -> str:
        return next((value for key, value in self.labels if key == name), "")


@dataclass(frozen=True, slots=True)
class SpanEvent:
    name: str
    timestamp_ns: int
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpanLink:
    trace_id: str
    span_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Span:
    """
    One span as it was exported. Ids are lower-case hex.

    :param kind: ``internal server client producer consumer`` or ``unspecified``.
    :param status: ``unset ok error``.
    :param attributes: values are str, bool, int, float or lists of these.
    :param resource: the resource's attributes; ``service.name`` and ``service.instance.id`` are among them.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    status_message: str
    attributes: Mapping[str, Any]
    resource: Mapping[str, Any]
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()
    scope: str = ""
    trace_state: str = ""

    @property
    def service(self) -> str:
        return str(self.resource.get("service.name", "unknown_service"))

    @property
    def instance(self) -> str:
        return str(self.resource.get("service.instance.id", ""))

    @property
    def duration_ns(self) -> int:
        return self.end_ns - self.start_ns


@dataclass(frozen=True, slots=True)
class SpanFilter:
    """
    Which traces: those with at least one span that matches every field that is set.

    :param min_duration_ns: the matching span lasts at least this long; *error* wants its status to be ``error``.
    :param attributes: exact matches on span attributes, compared as text.
    """

    service: str = ""
    name: str = ""
    trace_ids: tuple[str, ...] = ()
    error: bool = False
    min_duration_ns: int = 0
    max_duration_ns: int = 0
    attributes: tuple[tuple[str, str], ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    limit: int = 50
