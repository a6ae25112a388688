"""
`Telemetry`: what an app is observed with. One object per service, made once, passed on explicitly.

Making one starts no thread and opens no file, so it may be made before a server forks its workers. Everything a process
needs for itself (`Instance`) is made at the first use in that process and forgotten after a fork.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import SpanContext, Tracer

from observability.active import ActiveRequest
from observability.context import active_request
from observability.formatting import LEVELS
from observability.instance import Instance, LineSink, SpanSink
from observability.instruments import Instruments
from observability.metrics import Counter, Exemplar, Gauge, Histogram, Metrics, exposition
from observability.process_wide import adopt_server_loggers, displaced, install, listen_again
from observability.record import RequestRecord
from observability.redaction import NONE, Redactor
from observability.sampling import sampler
from observability.settings import Settings
from observability.signals import access_level
from observability.vocabulary import EVENTS

if TYPE_CHECKING:
    from sqlalchemy import Engine

_ALL: weakref.WeakSet[Telemetry] = weakref.WeakSet()


class Telemetry:
    """
    :param clock_ns: the time, nanoseconds since the epoch.
    :param ids: makes trace and span ids.
    :param line_sink: gets every finished log line instead of file and standard output.
    :param span_sink: gets every finished span instead of the collector.
    """

    def __init__(
        self, settings: Settings, *, version: str = "", environment: str = "", enabled: bool = True,
        clock_ns: Callable[[], int] = time.time_ns, ids: IdGenerator | None = None, redactor: Redactor | None = None,
        line_sink: LineSink | None = None, span_sink: SpanSink | None = None,
    ) -> None:
        self.settings = settings
        self.enabled = enabled
        self.version = version or settings.resource_attribute("service.version", "0")
        self.environment = environment or settings.resource_attribute("deployment.environment.name", "development")
        self.clock_ns = clock_ns
        self.ids = ids or RandomIdGenerator()
        self.redactor = redactor or Redactor()
        self.sampler = sampler(settings.sampler, settings.sampler_ratio)
        self.makes_server_spans = settings.instrumentation == "record"
        self.line_sink = line_sink
        self.span_sink = span_sink
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self._instance_id = ""
        self.metrics = Metrics(self._metrics_directory(), instance=self.instance_id, clean=self._label)
        self._instruments = Instruments(self.metrics)
        self._instance: Instance | None = None
        self._opening: Instance | None = None
        self._making = threading.RLock()  # reentrant: what opens an instance's files may log
        self._tracers: dict[tuple[str, str | None, str | None], Tracer] = {}
        self._stop: Callable[[], None] | None = None
        self._displaced = False
        self._logger = logging.getLogger(settings.service_name)
        _ALL.add(self)

    @classmethod
    def from_settings(cls, settings: Settings, *, version: str = "", environment: str = "") -> Telemetry:
        return cls(settings, version=version, environment=environment, enabled=not settings.sdk_disabled)

    @classmethod
    def off(cls) -> Telemetry:
        """
        Telemetry that does nothing: nothing is observed, written, counted or sent.
        """
        return cls(Settings(sdk_disabled=True, log_stdout=False), enabled=False)

    def _metrics_directory(self) -> Path:
        if self.settings.metrics_dir is not None:
            return self.settings.metrics_dir
        # Made now, before workers are forked, so that they share it; removed by the process that made it.
        self._temporary = tempfile.TemporaryDirectory(prefix="telemetry-", ignore_cleanup_errors=True)
        own = self._temporary.cleanup
        made_by = os.getpid()
        self._temporary._finalizer.detach()  # type: ignore[attr-defined]  # a forked child must not remove it
        weakref.finalize(self, lambda: own() if os.getpid() == made_by else None)
        return Path(self._temporary.name)

    # ---- life ----------------------------------------------------------------------------------------------------

    def instance_id(self) -> str:
        """
        ``service.instance.id`` and ``service.node.name``: a UUID that this process has and no other had.
        """
        if not self._instance_id:
            self._instance_id = str(uuid.uuid4())
        return self._instance_id

    @property
    def instance(self) -> Instance:
        """This process' part."""
        return self._instance or self._make()

    def _make(self) -> Instance:
        with self._making:
            if self._opening is None:
                made = Instance(self)
                if self._opening is None:  # else a signal handler has logged meanwhile
                    self._opening = made
                    made.open()
                    if self._stop is not None:
                        adopt_server_loggers()
                    self._instance = made
            return self._opening

    def start(self) -> Telemetry:
        """
        Install what is process-wide: the root log handler, the hooks for uncaught exceptions and warnings, the global
        tracer provider, and an orderly exit at SIGTERM. Calling it again puts the log handler back, if somebody took it
        away; after `stop` it begins anew, as another instance.
        """
        if self.enabled and self._stop is None:
            if self._instance is not None and not self._instance.writes_lines:
                self.forget_process()
            self._stop = install(self)
        elif self.enabled:
            listen_again()
            self._displaced = False
        return self

    def stop(self, deadline_s: float = 1.5) -> None:
        """
        Undo `start`, write and send what waits (at most *deadline_s* seconds). What is logged later is not written.
        """
        if self._stop is not None:
            self._stop()
            self._stop = None
        if self._instance is not None:
            self._instance.close(deadline_s)
        self.metrics.close()

    def look_around(self) -> None:
        """
        Say it once, if somebody configured logging and took our handler away: records are lost then, and nobody knows.
        """
        if self._stop is not None and not self._displaced and displaced():
            self._displaced = True
            self.log(
                "telemetry.failed",
                "Something configured logging after telemetry.start() and took its handler away: log records are not "
                "kept any more. Configure logging first, or call telemetry.start() again afterwards.",
                level="warning",
            )

    def flush(self) -> None:
        """
        Hand everything that finished so far to its sink: lines are written, spans are queued for sending.
        """
        if self.enabled:
            self.instance.flush()
            self.instance.flush()  # a request that nobody closed becomes a record first

    def forget_process(self) -> None:
        """
        After a fork: the child is another instance.
        """
        self._instance = self._opening = None
        self._instance_id = ""
        self._making = threading.RLock()
        self._tracers = {}

    # ---- logs ----------------------------------------------------------------------------------------------------

    def log(
        self, event: str, message: str = "", *, level: str = "info", error: BaseException | None = None,
        labels: Mapping[str, Any] | None = None, **fields: Any,
    ) -> None:
        """
        Write the line of a domain event. Only LOG_LEVEL can keep it back: what somebody does to ``logging`` (disables
        loggers, takes handlers away) does not reach it.

        :param event: a name of the vocabulary, or any dotted name of your own.
        :param fields: ``order_id`` and ``user_id`` have a place of their own, others become labels.
        """
        number = getattr(logging, level.upper())
        if not self.enabled or number < LEVELS[self.settings.log_level]:
            return
        info = (type(error), error, error.__traceback__) if error is not None else None
        record = self._logger.makeRecord(
            self._logger.name, number, "", 0, message or EVENTS.get(event, event), (), info, event,
            {"telemetry_event": event, "telemetry_fields": {**fields, **(labels or {})}},
        )
        self.instance.log(record)

    def secret(self, value: str) -> None:
        """
        This exact value must not leave with anything the current request says.
        """
        active = active_request()
        if active is not None:
            active.secrets.add(value)

    # ---- metrics -------------------------------------------------------------------------------------------------

    def _label(self, value: str) -> str:
        active = active_request()
        return self.redactor.text(value, active.secrets if active else NONE)

    def counter(self, name: str, help: str = "", labels: Sequence[str] = ()) -> Counter:
        """
        The counter *name*; one of the vocabulary needs neither help nor labels.
        """
        return self._instruments.counter(name, help, labels)

    def gauge(self, name: str, help: str = "", labels: Sequence[str] = (), merge: str = "sum") -> Gauge:
        return self._instruments.gauge(name, help, labels, merge)

    def histogram(
        self, name: str, help: str = "", labels: Sequence[str] = (), buckets: Sequence[float] = ()
    ) -> Histogram:
        return self._instruments.histogram(name, help, labels, buckets)

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """
        What a scrape gets: the metrics of all workers, and their content type.
        """
        return exposition(self.metrics, accept)

    def observe_record(self, record: RequestRecord) -> bool:
        """
        Count a finished request; its exemplar names its trace if that trace is kept.
        True: its span should be sent soon.
        """
        exemplar = exemplar_of(record.context, record.end_ns)
        if exemplar is not None and self.makes_server_spans:
            self.emitted("traces")
        self.line_made(access_level(record))
        if not record.measured:
            return False
        status = str(record.status)
        wide = self._instruments.requests
        first = wide.duration.labels(record.method, record.route, status).observe(record.duration_ns / 1e9, exemplar)
        wide.total.labels(record.method, status).inc()
        if record.exceptions:
            wide.exceptions.labels(record.method, status).inc()
        return first

    def observe_call(
        self, peer: str, method: str, status: str, duration_ns: int, context: SpanContext, start_ns: int
    ) -> None:
        """
        Count an outgoing call; its exemplar names its client span.
        """
        exemplar = exemplar_of(context, start_ns + duration_ns)
        self._instruments.calls.labels(peer, method, status).observe(duration_ns / 1e9, exemplar)

    def request_began(self, active: ActiveRequest) -> None:
        """
        What `observe` calls first: the end of the process waits a little for requests in flight.
        """
        self.instance.request_began(active)

    def request_finished(self, active: ActiveRequest) -> None:
        """
        What `observe` calls when a request's body was closed.
        """
        self.instance.request_finished(active)

    def abandon(self, active: ActiveRequest) -> None:
        """
        What `observe` calls from the destructor of a body that nobody closed.
        """
        if self._instance is not None:
            self._instance.request_abandoned(active)

    def emitted(self, signal: str) -> None:
        self._instruments.emitted.labels(signal).inc()

    def line_made(self, level: str) -> None:
        self._instruments.lines.labels(level).inc()
        self.emitted("logs")

    def dropped(self, signal: str, reason: str, count: int = 1) -> None:
        self._instruments.dropped.labels(signal, reason).inc(count)

    def log_file_deleted(self, size: int) -> None:
        self._instruments.deleted.inc(size)

    def queue_lengths(self, *, lines: int, spans: int) -> None:
        self._instruments.queued.labels("logs").set(lines)
        self._instruments.queued.labels("traces").set(spans)

    # ---- traces --------------------------------------------------------------------------------------------------

    def tracer(self, name: str, version: str | None = None, schema_url: str | None = None) -> Tracer:
        """
        The SDK's tracer for a library's or an app's own spans.
        """
        key = (name, version, schema_url)
        if key not in self._tracers:
            self._tracers[key] = self.instance.tracers.get_tracer(*key)
        return self._tracers[key]

    def span_ended(self, span: ReadableSpan) -> None:
        self.instance.span_ended(span)

    # ---- outgoing calls ------------------------------------------------------------------------------------------

    def session(
        self, peers: Mapping[str, str] | None = None, *, timeout_s: float | None = None, pool_size: int = 16
    ) -> requests.Session:
        """
        A pooled `requests.Session` whose every call makes a client span, a sample and the propagation headers.

        :param peers: service name -> base URL; calls elsewhere count under the peer ``_OTHER``.
        :param timeout_s: for calls that name none; by default CALL_TIMEOUT.
        """
        from observability.client import session

        return session(self, dict(peers or {}), timeout_s or self.settings.call_timeout_s, pool_size)

    # ---- databases -----------------------------------------------------------------------------------------------

    def observe_engine(self, engine: Engine) -> Engine:
        """
        *engine*, whose every statement within a request or span makes a client span with its shape (never its values)
        and a sample, and whose pool is in the metrics. Once per engine. Needs SQLAlchemy.
        """
        from observability.database import observe_engine

        return observe_engine(engine, self)


def exemplar_of(context: SpanContext, end_ns: int) -> Exemplar | None:
    """
    What points to the span *context*, which ended at *end_ns*; None unless it is kept.
    """
    if not context.trace_flags.sampled:
        return None
    return Exemplar(format(context.trace_id, "032x"), format(context.span_id, "016x"), end_ns / 1e9)


def _after_fork() -> None:
    for telemetry in list(_ALL):
        telemetry.forget_process()


os.register_at_fork(after_in_child=_after_fork)
