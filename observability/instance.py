"""
What one process of a service has for itself: an id, the log file, the queue to the collector, the threads.

It is made at the first use in a process and forgotten after a fork, so a preloaded app needs no hook of its server.
"""

from __future__ import annotations

import atexit
import logging
import os
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.version import __version__ as sdk_version

from observability.active import ActiveRequest
from observability.console import Console
from observability.context import active_request
from observability.formatting import LineFormatter, LineWriter, level_name
from observability.lines import LineFile
from observability.provider import HandOver, sdk_provider
from observability.record import RequestRecord
from observability.redaction import NONE, Secrets
from observability.scribe import Scribe
from observability.sender import Sender
from observability.signals import server_span
from observability.span_redaction import outgoing
from observability.transport import Endpoint

if TYPE_CHECKING:
    from observability.telemetry import Telemetry

_QUEUE = 4096


class SpanSink(Protocol):
    """
    Where spans go: the `Sender`, or a list in a test.
    """

    def put(self, spans: Sequence[ReadableSpan], until_s: float) -> None: ...

    def close(self, deadline_s: float) -> None: ...

    def __len__(self) -> int: ...


LineSink = Callable[[bytes], bool]


def _resource(telemetry: Telemetry, instance_id: str) -> Resource:
    """
    Not `Resource.create`, which adds what it finds in the environment. What a list of attributes says about the service
    loses against the settings of their own; above all it must not give all workers one id.
    """
    return Resource(
        {
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": sdk_version,
            **dict(telemetry.settings.resource_attributes),
            "service.name": telemetry.settings.service_name,
            "service.version": telemetry.version,
            "service.instance.id": instance_id,
            "deployment.environment.name": telemetry.environment,
        }
    )


class Instance:
    """
    :ivar id: ``service.instance.id``, ``service.node.name``: a fresh UUID per process.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        settings = telemetry.settings
        self.id = telemetry.instance_id()
        self.pid = os.getpid()
        self._telemetry = telemetry
        self.resource = _resource(telemetry, self.id)
        self.writer = LineWriter(
            service=settings.service_name, version=telemetry.version, environment=telemetry.environment,
            instance=self.id, redactor=telemetry.redactor,
        )
        self.formatter = LineFormatter(self.writer)
        self._file: LineFile | None = None
        self._console: Console | None = None
        self._early: list[bytes] = []
        self._line_sinks: list[LineSink] = [self._keep]
        self.spans: SpanSink = self._sender() if telemetry.span_sink is None else telemetry.span_sink
        self._scribe: Scribe[RequestRecord | ActiveRequest | tuple[ReadableSpan, Secrets]] = Scribe(
            self._write_down, delay_s=settings.export_delay_s, limit=_QUEUE, clock=lambda: telemetry.clock_ns() / 1e9
        )
        self.tracers = sdk_provider(telemetry.sampler, self.resource, telemetry.ids, HandOver(self.span_ended))
        self._in_flight: set[ActiveRequest] = set()
        self._ending = self._closed = False

    def open(self) -> None:
        """
        Begin to write. What is said on the way (the log directory cannot be made, say) is written first.
        """
        self._line_sinks = self._open_sinks()
        for line in self._early:
            self._write(line)
        self._early.clear()
        atexit.register(self.close)

    @property
    def writes_lines(self) -> bool:
        """False when lines go nowhere: nobody configured a sink, or the end has come."""
        return bool(self._line_sinks) and not self._closed

    def _keep(self, line: bytes) -> bool:
        self._early.append(line)
        return True

    def _open_sinks(self) -> list[LineSink]:
        settings, sinks = self._telemetry.settings, list[LineSink]()
        if self._telemetry.line_sink is not None:
            return [self._telemetry.line_sink]
        if settings.log_dir is not None:
            self._file = LineFile(
                settings.log_dir, settings.service_name, self.id, max_bytes=settings.log_max_bytes,
                on_drop=self._lines_dropped, on_delete=lambda path, size: self._telemetry.log_file_deleted(size),
            )
            sinks.append(self._file.write)
        if settings.log_stdout:
            # With a log file standard output is a copy: what it misses is not lost.
            self._console = Console(on_drop=self._copies_dropped if self._file else self._lines_dropped)
            sinks.append(self._console.write)
        return sinks

    def _sender(self) -> Sender:
        settings = self._telemetry.settings

        def path(value: object) -> str | None:
            return str(value) if value else None

        return Sender(
            Endpoint(
                url=f"{settings.otlp_endpoint}/v1/traces", headers=settings.otlp_headers,
                compression=settings.otlp_compression, timeout_s=settings.otlp_timeout_s,
                certificate=path(settings.otlp_certificate),
                client_certificate=path(settings.otlp_client_certificate), client_key=path(settings.otlp_client_key),
            ),
            queue_size=settings.export_queue,
            batch_size=settings.export_batch,
            on_drop=self._spans_dropped,
            on_lost=self._spans_lost,
            on_delivered=self._telemetry.metrics.confirm,
            on_state=self._delivery_changed,
        )

    # ---- in the request ------------------------------------------------------------------------------------------

    def request_began(self, active: ActiveRequest) -> None:
        self._in_flight.add(active)

    def request_finished(self, active: ActiveRequest) -> None:
        """
        The count, its exemplar and the accounts are written now; line and span are written by the scribe.
        """
        try:
            if active.loud():
                record = active.record(self.writer.number())
                soon = self._telemetry.observe_record(record)
                self._scribe.put(record, soon=soon)
        finally:
            self._in_flight.discard(active)
            active.done()

    def request_abandoned(self, active: ActiveRequest) -> None:
        """
        The same for a body that was thrown away unread and unclosed (a test client's, usually).
        """
        self._scribe.leave(active)

    def span_ended(self, span: ReadableSpan) -> None:
        self._telemetry.emitted("traces")
        active = active_request()
        self._scribe.put((span, active.secrets if active else NONE))

    def log(self, record: logging.LogRecord) -> None:
        """
        Write the line of an application's log record, now and in this thread: nothing is lost if the process is killed.
        It never raises: a line that cannot be written is counted.
        """
        self._telemetry.line_made(level_name(record.levelno))
        try:
            self._write(self.formatter.format(record).encode("utf-8"))
        except Exception:  # noqa: BLE001 (a log call must not raise into the code that logs)
            self._lines_dropped(1, "unwritable")

    # ---- outside of it -------------------------------------------------------------------------------------------

    def _write_down(
        self, items: Sequence[RequestRecord | ActiveRequest | tuple[ReadableSpan, Secrets]], until_s: float
    ) -> None:
        spans: list[ReadableSpan] = []
        for item in items:
            if isinstance(item, ActiveRequest):
                if not item.finished:
                    item.finished = True
                    self.request_finished(item)  # its record comes with the next flush
            elif isinstance(item, RequestRecord):
                self._write_access(item)
                if item.context.trace_flags.sampled and self._telemetry.makes_server_spans:
                    spans += self._ready(server_span(item, self.resource), item.secrets)
            else:
                spans += self._ready(*item)
        self.spans.put(spans, until_s)
        self._telemetry.look_around()
        self._telemetry.queue_lengths(lines=len(self._scribe), spans=len(self.spans))

    def _write_access(self, record: RequestRecord) -> None:
        try:
            self._write(self.writer.access(record))
        except Exception:  # noqa: BLE001 (one request must not cost those behind it theirs)
            self._lines_dropped(1, "unwritable")

    def _ready(self, span: ReadableSpan, secrets: Secrets) -> list[ReadableSpan]:
        """*span* as it may leave; nothing if it cannot be made so."""
        try:
            return [outgoing(span, self._telemetry.redactor, secrets)]
        except Exception:  # noqa: BLE001 (see above)
            self._spans_dropped(1, "unwritable")
            self._spans_lost([span])
            return []

    def _write(self, line: bytes) -> None:
        if not self.writes_lines:
            self._lines_dropped(1, "shutdown" if self._closed else "no_sink")
            return
        for sink in self._line_sinks:
            sink(line)

    def _lines_dropped(self, count: int, reason: str) -> None:
        self._telemetry.dropped("logs", reason, count)

    def _copies_dropped(self, count: int, reason: str) -> None:
        self._telemetry.dropped("console", reason, count)

    def _spans_dropped(self, count: int, reason: str) -> None:
        self._telemetry.dropped("traces", reason, count)

    def _spans_lost(self, spans: Sequence[ReadableSpan]) -> None:
        contexts = [span.context for span in spans if span.context is not None]
        self._telemetry.metrics.forget({
            context.trace_id.to_bytes(16, "big") + context.span_id.to_bytes(8, "big") for context in contexts
        })

    def _delivery_changed(self, working: bool, why: str) -> None:
        if working:
            self._telemetry.log("telemetry.recovered", "Spans are delivered again.")
        else:
            self._telemetry.log(
                "telemetry.failed",
                f"The collector at {self._telemetry.settings.otlp_endpoint} takes no spans ({why}). "
                "They wait in a bounded queue; what is lost is counted in telemetry_dropped_total.",
                level="warning",
            )

    def flush(self) -> None:
        self._scribe.flush()

    def close(self, deadline_s: float = 1.5) -> None:
        """
        Write down and send what waits, for at most *deadline_s* seconds, then close files. May be called twice.
        """
        if self._ending or self.pid != os.getpid():
            return
        self._ending = True
        atexit.unregister(self.close)
        end = time.monotonic() + deadline_s
        self.flush()  # ends the requests whose body was thrown away
        self._await_requests(time.monotonic() + deadline_s / 3)
        self._scribe.close()
        self.spans.close(max(0.2, end - time.monotonic()))
        self._closed = True  # not before: that the collector is away may only turn out now
        if self._console is not None:
            self._console.close()
        if self._file is not None:
            self._file.close()

    def _await_requests(self, until: float) -> None:
        """
        A client has its answer a moment before the server closes the body. Servers with daemon threads (Flask's
        development server) do not wait for that moment when they end.
        """
        while any(active.closes for active in tuple(self._in_flight)) and time.monotonic() < until:
            time.sleep(0.002)
