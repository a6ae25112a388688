"""
For tests, ours and yours: everything that an observed app says, in memory.

    with capture() as seen:
        app = observe(Flask("billing"), seen.telemetry)
        app.test_client().get("/")
        assert seen.span("GET /").attributes["http.response.status_code"] == 200

Every line is checked against the log-line schema when the block ends; what does not fit fails the test.
Needs the extra ``test`` (jsonschema).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from observability.schema import validate_line
from observability.settings import Settings
from observability.telemetry import Telemetry

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


class SpanList:
    """
    A span sink that keeps everything.
    """

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def put(self, spans: Sequence[ReadableSpan], until_s: float) -> None:
        self.spans.extend(spans)

    def close(self, deadline_s: float) -> None:
        """Nothing waits here."""

    def __len__(self) -> int:
        return 0


class Capture:
    """
    What was said so far. Each property looks again.
    """

    def __init__(self, settings: Settings) -> None:
        self._lines: list[bytes] = []
        self._spans = SpanList()
        self.telemetry = Telemetry(settings, line_sink=self._keep, span_sink=self._spans)

    def _keep(self, line: bytes) -> bool:
        self._lines.append(line)
        return True

    @property
    def raw_lines(self) -> list[bytes]:
        self.telemetry.flush()
        return list(self._lines)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Log lines in the order they were written."""
        return [json.loads(line) for line in self.raw_lines]

    @property
    def access_lines(self) -> list[dict[str, Any]]:
        return self.events("request.finished")

    def events(self, action: str) -> list[dict[str, Any]]:
        """The lines of one event, for example ``order.placed``."""
        return [line for line in self.lines if line["event"].get("action") == action]

    @property
    def spans(self) -> list[ReadableSpan]:
        """Spans in the order they ended."""
        self.telemetry.flush()
        return list(self._spans.spans)

    @property
    def server_spans(self) -> list[ReadableSpan]:
        return [span for span in self.spans if span.kind.name == "SERVER"]

    def span(self, name: str) -> ReadableSpan:
        """
        The one span of that name.

        :raises AssertionError: there is none, or several; the message lists what there is.
        """
        found = [span for span in self.spans if span.name == name]
        assert len(found) == 1, f"{len(found)} spans are named {name!r}; there are {[s.name for s in self.spans]}"
        return found[0]

    @property
    def exposition(self) -> str:
        """What a scrape gets now, as OpenMetrics text."""
        self.telemetry.flush()
        return self.telemetry.exposition(OPENMETRICS)[0].decode("utf-8")

    @property
    def samples(self) -> list[Sample]:
        families = text_string_to_metric_families(self.exposition)  # type: ignore[no-untyped-call]
        return [sample for family in families for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples *name* that have *labels*; 0.0 if there are none."""
        wanted = labels.items()
        return sum(s.value for s in self.samples if s.name == name and wanted <= s.labels.items())

    def complaints(self) -> list[str]:
        """What is wrong with the lines, by the schema."""
        return [
            f"{line.decode('utf-8', 'replace')}: {complaint}"
            for line in self.raw_lines
            for complaint in validate_line(line)
        ]


@contextmanager
def capture(settings: Settings | None = None, *, start: bool = True) -> Iterator[Capture]:
    """
    :param start: also install what is process-wide (root logging, the global tracer provider), until the block ends.
    :raises AssertionError: at the end, if a line breaks the schema.
    """
    seen = Capture(settings or Settings(service_name="test"))
    if start:
        seen.telemetry.start()
    try:
        yield seen
        complaints = seen.complaints()
        assert not complaints, "lines that break the schema:\n" + "\n".join(complaints)
    finally:
        seen.telemetry.stop()
