"""
Outgoing calls: an adapter for `requests` that makes the client span, the sample and the propagation headers.

It can be mounted on any `requests.Session`. Spans follow OpenTelemetry's stable semantic conventions for HTTP clients.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode
from requests.adapters import HTTPAdapter

from observability.context import active_request
from observability.propagation import outgoing
from observability.record import KNOWN_METHODS, OTHER_METHOD
from observability.sampling import flags_of
from observability.spans import LiveSpan, exception_event, readable, type_name

if TYPE_CHECKING:
    from observability.telemetry import Telemetry

OTHER_PEER = "_OTHER"


def session(telemetry: Telemetry, peers: Mapping[str, str], timeout_s: float, pool_size: int) -> requests.Session:
    """
    See `Telemetry.session`. Proxies and credentials of the environment are not used.
    """
    made = requests.Session()
    made.trust_env = False
    adapter = TracedAdapter(telemetry, peers=peers, timeout_s=timeout_s, pool_size=pool_size)
    made.mount("http://", adapter)
    made.mount("https://", adapter)
    return made


class TracedAdapter(HTTPAdapter):
    """
    :param peers: service name -> base URL: the bounded set of values of ``peer`` and ``peer.service``.
    :param timeout_s: connect and read timeout (seconds) of a call that names none.
    """

    def __init__(
        self, telemetry: Telemetry, *, peers: Mapping[str, str], timeout_s: float = 5.0, pool_size: int = 16
    ) -> None:
        super().__init__(pool_connections=pool_size, pool_maxsize=pool_size)
        self._telemetry = telemetry
        self._peers = {urlsplit(url).netloc.lower(): name for name, url in peers.items()}
        self._timeout_s = timeout_s

    def send(
        self, request: requests.PreparedRequest, stream: bool = False, timeout: Any = None, verify: Any = True,
        cert: Any = None, proxies: Any = None,
    ) -> requests.Response:
        """
        One request, one span, one sample; a redirect that is followed is a call of its own.
        """
        if not self._telemetry.enabled:
            return super().send(request, stream, timeout or self._timeout_s, verify, cert, proxies)
        call = Call(self._telemetry, request, self._peers)
        token = otel.attach(call.context)
        try:
            response = super().send(request, stream, timeout or self._timeout_s, verify, cert, proxies)
            if not stream:
                _ = response.content  # the answer is complete, or the call has failed
        except BaseException as error:
            call.failed(error)
            raise
        finally:
            otel.detach(token)
        call.answered(response.status_code)
        return response


class Call:
    """
    One outgoing call in progress.
    """

    def __init__(
        self, telemetry: Telemetry, request: requests.PreparedRequest, peers: Mapping[str, str]
    ) -> None:
        self._telemetry = telemetry
        self._perf_ns = time.perf_counter_ns()
        sent = (request.method or "GET").upper()
        self._method = sent if sent in KNOWN_METHODS else OTHER_METHOD
        parts = urlsplit(request.url or "")
        self._peer = peers.get(parts.netloc.lower(), OTHER_PEER)
        here = otel.get_current()
        parent = trace.get_current_span(here).get_span_context()
        span = LiveSpan(
            _child_of(parent, telemetry), parent if parent.is_valid else None,
            "HTTP" if self._method == OTHER_METHOD else self._method, SpanKind.CLIENT, telemetry.clock_ns(),
            self._ended,
        )
        span.attributes = {
            "http.request.method": self._method,
            "url.full": parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
            "server.address": parts.hostname or "",
            "server.port": parts.port or (443 if parts.scheme == "https" else 80),
        }
        if self._method == OTHER_METHOD:
            span.attributes["http.request.method_original"] = sent
        if self._peer != OTHER_PEER:
            span.attributes["peer.service"] = self._peer
        self._span = span
        self.context = trace.set_span_in_context(span, here)
        outgoing(request.headers, self.context, telemetry.settings.baggage_keys)
        active = active_request()
        if active is not None and "X-Request-Id" not in request.headers:
            request.headers["X-Request-Id"] = active.id

    def answered(self, status: int) -> None:
        self._span.attributes["http.response.status_code"] = status
        if status >= 400:
            self._span.attributes["error.type"] = str(status)
            self._span.set_status(StatusCode.ERROR)
        self._finish(str(status))

    def failed(self, error: BaseException) -> None:
        """
        No answer. The sample's status is ``timeout`` or ``error``.
        """
        self._span.attributes["error.type"] = type_name(error)
        self._span.events.append(exception_event(error, self._telemetry.clock_ns()))
        self._span.set_status(Status(StatusCode.ERROR, type_name(error)))
        self._finish("timeout" if isinstance(error, requests.Timeout) else "error")

    def _finish(self, status: str) -> None:
        duration_ns = time.perf_counter_ns() - self._perf_ns
        self._telemetry.observe_call(
            self._peer, self._method, status, duration_ns, self._span.own_context, self._span.start_ns
        )
        self._span.end(self._span.start_ns + duration_ns)

    def _ended(self, span: LiveSpan, end_ns: int) -> None:
        if not span.own_context.trace_flags.sampled:
            return
        self._telemetry.span_ended(
            readable(
                name=span.name, context=span.own_context, parent=span.parent, kind=span.kind, start_ns=span.start_ns,
                end_ns=end_ns, attributes=span.attributes, events=span.events, links=span.links, status=span.status,
                resource=self._telemetry.instance.resource,
            )
        )


def _child_of(parent: SpanContext, telemetry: Telemetry) -> SpanContext:
    """
    Below a span its sampling is inherited; a call outside of any request is a root, which the sampler decides on.
    """
    if parent.is_valid:
        return SpanContext(
            parent.trace_id, telemetry.ids.generate_span_id(), False, parent.trace_flags, parent.trace_state
        )
    trace_id = telemetry.ids.generate_trace_id()
    result = telemetry.sampler.should_sample(None, trace_id, "", SpanKind.CLIENT)
    return SpanContext(trace_id, telemetry.ids.generate_span_id(), False, flags_of(result), result.trace_state)
