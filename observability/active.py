"""
A request while it is being answered. When it ends it becomes a `RequestRecord`, exactly once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, SpanKind, TraceFlags, TraceState

from observability.context import ACTIVE, DO_NOT_TRACK, ENVIRON
from observability.ids import request_id
from observability.propagation import incoming
from observability.record import KNOWN_METHODS, OTHER_METHOD, UNMATCHED, RequestRecord
from observability.redaction import NONE, Secrets
from observability.sampling import decide
from observability.spans import LiveSpan, exception_event, type_name

if TYPE_CHECKING:
    from observability.telemetry import Telemetry

_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)


class ActiveRequest:
    """
    :param quiet: a health check or a scrape, which leaves no trace unless it fails.
    :ivar content_length: what the response announced, bytes; -1: nothing.
    :ivar closes: the body will be closed. Flask's test client, which names no SERVER_SOFTWARE, takes one part of it and
        may leave it at that.
    """

    __slots__ = (
        "_base", "_secrets", "app", "body_bytes", "client_gone", "closes", "content_length", "crash",
        "environ", "exceptions", "failure", "finished", "id", "method", "perf_ns", "quiet", "route", "span",
        "status", "telemetry", "truncated",
    )

    def __init__(self, telemetry: Telemetry, app: str, environ: dict[str, Any], *, quiet: bool) -> None:
        self.telemetry = telemetry
        self.app = app
        self.environ = environ
        self.quiet = quiet
        now = telemetry.clock_ns()
        self.perf_ns = time.perf_counter_ns()
        sent = environ["REQUEST_METHOD"]
        self.method = sent if sent in KNOWN_METHODS else OTHER_METHOD
        self.id = request_id(environ.get("HTTP_X_REQUEST_ID"), now)
        self.route = UNMATCHED
        self.status = 0
        self.body_bytes = 0
        self.content_length = -1
        self.closes = "SERVER_SOFTWARE" in environ
        self.exceptions = 0
        self.crash: BaseException | None = None
        self.failure = ""
        self.finished = False
        self.truncated = False
        self.client_gone = False
        self._secrets: Secrets | None = None
        parent, self._base = incoming(environ, telemetry.settings.baggage_keys)
        trace_id = parent.trace_id if parent else telemetry.ids.generate_trace_id()
        own = self._identity(trace_id, telemetry.ids.generate_span_id(), parent, loud=not quiet)
        self.span = LiveSpan(own, parent, "", SpanKind.SERVER, now)

    def _identity(self, trace_id: int, span_id: int, parent: SpanContext | None, *, loud: bool) -> SpanContext:
        state: TraceState | None = parent.trace_state if parent else None
        flags, telemetry = _NOT_SAMPLED, self.telemetry
        if loud:
            trusted = telemetry.settings.trust_sampled
            flags, state = decide(telemetry.sampler, trace_id, self.method, parent, trusted=trusted)
        return SpanContext(trace_id, span_id, False, flags, state)

    def context(self) -> Context:
        """
        The context in which the request is answered. Not kept here: it knows the request, and nothing that the request
        holds should wait for the garbage collector (Flask takes the same care).
        """
        context = self._base
        if self.telemetry.makes_server_spans:
            context = trace.set_span_in_context(self.span, context)
        return otel.set_value(ACTIVE, self, context)

    @property
    def trace_id(self) -> str:
        """32 hex digits."""
        return format(self.span.own_context.trace_id, "032x")

    @property
    def span_id(self) -> str:
        """16 hex digits."""
        return format(self.span.own_context.span_id, "016x")

    @property
    def secrets(self) -> Secrets:
        """Exact values that must not leave with anything said during this request."""
        if self._secrets is None:
            self._secrets = Secrets()
            headers = [(key[5:].replace("_", "-"), value) for key, value in self.environ.items() if key[:5] == "HTTP_"]
            query = wire_text(self.environ.get("QUERY_STRING", ""))
            self.telemetry.redactor.learn(self._secrets, headers=headers, query=query)
        return self._secrets

    def learn(self, body: object) -> None:
        """
        Remember what stands under secret names in a parsed body (JSON, or a form as a mapping).
        """
        self.telemetry.redactor.learn(self.secrets, body=body)

    def _may_tell(self) -> bool:
        """Whether a secret of the request may stand in its record: in the address, or in what a view gave the span."""
        environ, span = self.environ, self.span
        return bool(
            self._secrets is not None
            or "HTTP_AUTHORIZATION" in environ or "HTTP_COOKIE" in environ or environ.get("QUERY_STRING")
            or span.attributes or span.events or span.links or span.name or span.status.description
        )

    def adopt(self, span: trace.Span) -> None:
        """
        Take another instrumentation's server span as this request's (setting INSTRUMENTATION=flask_instrumentor).
        """
        context = span.get_span_context()
        if context.is_valid:
            self.span.own_context = context

    def observing(self, start_response: Callable[..., Any]) -> Callable[..., Any]:
        """
        *start_response*, noting the status and adding the two headers that let a caller ask for this request.
        """

        def observed(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
            length = next((value for name, value in headers if name.lower() == "content-length"), "")
            ours = [pair for pair in headers if pair[0].lower() not in ("x-request-id", "x-trace-id")]
            ours += [("X-Request-Id", self.id), ("X-Trace-Id", self.trace_id)]
            write = start_response(status, ours, exc_info) if exc_info else start_response(status, ours)
            # Not before: a server that has sent its headers refuses another status by raising.
            self.status = _number(status[:3], 0)
            self.content_length = _number(length, -1)

            def counted(data: bytes) -> object:
                self.body_bytes += len(data)
                return write(data)

            return counted

        return observed

    def note_exception(self, error: BaseException, *, handled: bool) -> None:
        """
        An exception that a handler of the app turned into an answer, or that none did (once per exception).
        """
        if error is self.crash:
            return
        self.span.events.append(exception_event(error, self.telemetry.clock_ns()))
        self.failure = type_name(error)
        if not handled:
            self.crash = error
            self.exceptions = 1

    @property
    def started(self) -> bool:
        """A status was given to the server."""
        return self.status != 0

    def escaped(self, error: BaseException) -> None:
        """
        An exception left the application: before the first byte the server answers 500, after it the body is cut.
        """
        self.note_exception(error, handled=False)
        if self.body_bytes:
            self.truncated = True
        else:
            self.status = 500

    def interrupted(self, error: BaseException) -> None:
        """
        The server closed the body before its end because of *error*: it could not write to the client any more, or it
        is ending itself.
        """
        self.truncated = True
        self.client_gone = isinstance(error, Exception)
        self.failure = self.failure or type_name(error)

    def loud(self) -> bool:
        """
        Whether this request leaves a trace: a quiet one does so only when it fails, and is sampled then.
        """
        if not self.quiet:
            return True
        if self.status and self.status < 500:
            return False
        own = self.span.own_context
        self.span.own_context = self._identity(own.trace_id, own.span_id, self.span.parent, loud=True)
        return True

    def done(self) -> None:
        """
        Let go of what refers back here, so that all of it is freed with the request.
        """
        self.crash = None
        self.environ.pop(ENVIRON, None)

    def record(self, sequence: int) -> RequestRecord:
        environ, span = self.environ, self.span
        span.ended = True  # threads that go on with the request's context write no more into what is read below
        duration = time.perf_counter_ns() - self.perf_ns
        status = self.status or 500
        return RequestRecord(
            app=self.app,
            context=span.own_context,
            parent=span.parent,
            span_name=span.name,
            method=self.method,
            method_original=environ["REQUEST_METHOD"],
            route=self.route,
            path=wire_text(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
            query=wire_text(environ.get("QUERY_STRING", "")),
            scheme=environ.get("wsgi.url_scheme", "http"),
            host=wire_text(environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")),
            client_address=wire_text(environ.get("REMOTE_ADDR") or ""),
            user_agent=wire_text(environ.get("HTTP_USER_AGENT", "")),
            protocol=environ.get("SERVER_PROTOCOL", "").removeprefix("HTTP/"),
            request_id=self.id,
            status=status,
            body_bytes=self.body_bytes,
            start_ns=span.start_ns,
            duration_ns=duration,
            error_type=self.failure if status >= 500 or self.truncated else "",
            exceptions=self.exceptions,
            truncated=self.truncated,
            client_gone=self.client_gone,
            attributes=dict(span.attributes),
            events=list(span.events),
            links=list(span.links),
            span_status=span.status,
            sequence=sequence,
            measured=not environ.get(DO_NOT_TRACK),
            secrets=self.secrets if self._may_tell() else NONE,
        )


def _number(digits: str, otherwise: int) -> int:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else otherwise


def wire_text(value: str) -> str:
    """
    WSGI hands bytes over as Latin-1 text (PEP 3333); they are nearly always UTF-8.
    """
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode("utf-8", "replace")
