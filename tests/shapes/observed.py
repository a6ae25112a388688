"""What one instrumentation said about all shapes of request."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.shapes.shapes import SHAPES, Shape, trace_of


@dataclass
class Observed:
    """
    :ivar wire: shape -> status that the client got. *server_access*: shape -> statuses in gunicorn's own access log.
    :ivar samples: (method, route or path, status) -> count. *sums*: the same -> seconds.
    """

    wire: dict[str, int] = field(default_factory=dict)
    spans: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    samples: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    sums: dict[tuple[str, str, str], float] = field(default_factory=dict)
    server_access: dict[str, list[int]] = field(default_factory=dict)

    def server_spans(self, shape: Shape) -> list[dict[str, Any]]:
        trace = trace_of(SHAPES.index(shape))
        return [span for span in self.spans if span["trace"] == trace and span["kind"] == "SERVER"]

    def access_lines(self, shape: Shape) -> list[dict[str, Any]]:
        trace = trace_of(SHAPES.index(shape))
        return [line for line in self.lines if trace_id(line) == trace and is_access(line)]

    def span_statuses(self, shape: Shape) -> list[int | None]:
        """Of its server spans, in old or new words; None where a span has none."""
        told = [span["attributes"] for span in self.server_spans(shape)]
        return [each.get("http.response.status_code", each.get("http.status_code")) for each in told]

    def line_statuses(self, shape: Shape) -> list[int]:
        lines = self.access_lines(shape)
        return [line["status"] if "status" in line else line["http"]["response"]["status_code"] for line in lines]

    def samples_of(self, shape: Shape) -> int:
        """With the status of the shape, under its route or (as the exporter has it by default) its path."""
        path = shape.path.partition("?")[0]
        routes = {shape.rule, path}
        return sum(self.samples[shape.method, route, str(shape.status)] for route in routes) or sum(
            self.samples[shape.label, route, str(shape.status)] for route in routes
        )


def trace_id(line: dict[str, Any]) -> str:
    return str(line.get("trace_id") or line.get("trace", {}).get("id", ""))


def is_access(line: dict[str, Any]) -> bool:
    return "status" in line or line.get("event", {}).get("action") == "request.finished"
