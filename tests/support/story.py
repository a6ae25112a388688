"""
One story in three signals, as the services emit it: orders go well, then user becomes slow and an order fails.

`tell()` fills memory stores with half an hour of it. All times are fixed, so every page looks the same on every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from clew.query import InstanceAccount, Readers
from clew.query.embedded import readers_of
from clew.store import Exemplar, LogLine, Sample, Span, SpanEvent, Stores, labels_of
from clew.store.memory import memory_stores
from tests.support.rfc3339 import text_of

NOW_S = 1_795_269_600.0 + 420  # 2026-11-21 14:07:00 UTC
MS, SECOND = 1_000_000, 1_000_000_000
NOW = int(NOW_S) * SECOND
INSTANCES = {
    "gateway": "0193a0de-0001-7000-8000-00000000aa01",
    "order": "0193a0de-0002-7000-8000-00000000bb02",
    "user": "0193a0de-0003-7000-8000-00000000cc03",
}
PORTS = {"gateway": 8080, "order": 8082, "user": 8081}
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
NASTY = '<script>alert("1")</script> \x1b[31mred\x1b[0m </pre> & \u202etxt'
"""A message that tries to act: in a browser, in a terminal, and on the direction of text."""


@dataclass
class Request:
    """A request in the making: `span` and `line` add to it, times in milliseconds since its start."""

    trace_id: str
    at_ns: int
    order_id: str = ""
    user_id: str = "usr_19C2AK"
    request_id: str = ""
    spans: list[Span] = field(default_factory=list)
    lines: list[LogLine] = field(default_factory=list)
    exemplars: list[Exemplar] = field(default_factory=list)

    def span(
        self, number: int, parent: int, service: str, name: str, start_ms: float, end_ms: float, *,
        kind: str = "server", error: str = "", events: Iterable[SpanEvent] = (), **attributes: Any,
    ) -> Span:
        span = Span(
            trace_id=self.trace_id,
            span_id=self.span_id(number),
            parent_span_id=self.span_id(parent) if parent else None,
            name=name,
            kind=kind,
            start_ns=self.at_ns + int(start_ms * MS),
            end_ns=self.at_ns + int(end_ms * MS),
            status="error" if error else "unset",
            status_message="",
            attributes={key.replace("__", "."): value for key, value in attributes.items()}
            | ({"error.type": error} if error else {}),
            resource={"service.name": service, "service.instance.id": INSTANCES[service], "service.version": "1.0.0"},
            events=tuple(events),
            scope="observability",
        )
        self.spans.append(span)
        return span

    def span_id(self, number: int) -> str:
        return f"{number:02x}{self.trace_id[2:16]}"

    def serve(
        self, number: int, parent: int, service: str, method: str, route: str, start_ms: float, end_ms: float,
        status: int = 200, **more: Any,
    ) -> None:
        """A request that a service answers: span, access line and exemplar, as one record gives them."""
        error = more.pop("error", "503" if status >= 500 else "")
        span = self.span(
            number, parent, service, f"{method} {route}", start_ms, end_ms, error=error, http__request__method=method,
            http__route=route, http__response__status_code=status, url__scheme="http",
            server__address="127.0.0.1", server__port=PORTS[service], **more,
        )
        took = span.duration_ns
        self.line(
            end_ms + 0.1, "error" if status >= 500 else "info", service, "request.finished",
            f"{method} {route} {status} in {took / 1e6:.1f} ms", number,
            event={"outcome": "failure" if status >= 500 else "success", "duration": took},
            http={
                "request": {"method": method, "id": self.request_id},
                "response": {"status_code": status, "body": {"bytes": 213}},
                "route": route,
            },
            url={"path": route.replace("<order_id>", self.order_id).replace("<user_id>", self.user_id)},
            client={"address": "127.0.0.1"},
            user_agent={"original": "curl/8.5"},
        )
        bound = next((bound for bound in BOUNDS if took / 1e9 <= bound), None)
        series = labels_of({
            "__name__": "flask_http_request_duration_seconds_bucket", **target(service), "method": method,
            "url_rule": route, "status": str(status), "le": f"{bound}" if bound else "+Inf",
        })
        trace = labels_of({"trace_id": self.trace_id, "span_id": span.span_id})
        self.exemplars.append(Exemplar(series, trace, span.end_ns // MS, took / 1e9))

    def call(
        self, number: int, parent: int, service: str, peer: str, method: str, start_ms: float, end_ms: float,
        status: int | None = 200, error: str = "",
    ) -> None:
        answered = {"http__response__status_code": status} if status else {}
        self.span(
            number, parent, service, method, start_ms, end_ms, kind="client", error=error, http__request__method=method,
            peer__service=peer, server__address="127.0.0.1", server__port=PORTS[peer], **answered,
        )

    def line(
        self, after_ms: float, level: str, service: str, action: str, message: str, number: int = 0,
        event: Mapping[str, Any] | None = None, **fields: Any,
    ) -> None:
        at_ns = self.at_ns + int(after_ms * MS)
        ids = {"trace": {"id": self.trace_id}, "span": {"id": self.span_id(number)}} if number else {}
        domain = {"order": {"id": self.order_id}} if self.order_id and service != "user" else {}
        self.lines.append(log_line(
            at_ns, level, service, action, message, event, **ids, **domain, user={"id": self.user_id}, **fields,
        ))


def log_line(
    at_ns: int, level: str, service: str, action: str, message: str, event: Mapping[str, Any] | None = None,
    **fields: Any,
) -> LogLine:
    """A document of the index, with every field that each line has."""
    sequence = at_ns // 1000 % 1_000_000_000
    identity = f"{INSTANCES[service]}-{sequence}"
    document = {
        "@timestamp": text_of(at_ns),
        "log": {"level": level, "logger": f"services.{service}"},
        "message": message,
        "ecs": {"version": "9.0.0"},
        "service": {
            "name": service, "version": "1.0.0", "environment": "demo", "node": {"name": INSTANCES[service]},
        },
        "process": {"pid": 4127},
        "event": {"id": identity, "sequence": sequence, "action": action, **(event or {})},
        **fields,
    }
    return LogLine(f"clew-logs-{text_of(at_ns)[:10].replace('-', '.')}", identity, at_ns, document)


def target(service: str) -> dict[str, str]:
    return {"job": service, "instance": f"{service}:{PORTS[service]}"}


def placed(trace_id: str, at_ns: int, order_id: str, *, scale: float = 1.0) -> Request:
    """An order that is placed: gateway asks order, order asks user."""
    request = Request(trace_id, at_ns, order_id, request_id=f"0193a0e1-7000-7000-8000-{trace_id[:12]}")
    s = scale
    request.serve(1, 0, "gateway", "POST", "/api/orders", 0, 92.4 * s, 201, clew__request_id=request.request_id)
    request.call(2, 1, "gateway", "order", "POST", 6 * s, 88 * s, 201)
    request.serve(3, 2, "order", "POST", "/orders", 8 * s, 86 * s, 201)
    request.call(4, 3, "order", "user", "GET", 14 * s, 47 * s, 200)
    request.serve(5, 4, "user", "GET", "/users/<user_id>", 17 * s, 44 * s, 200)
    request.span(6, 5, "user", "SELECT users", 21 * s, 27 * s, kind="client", db__system__name="sqlite")
    request.span(7, 3, "order", "INSERT orders", 61 * s, 74 * s, kind="client", db__system__name="sqlite")
    request.line(80 * s, "info", "order", "order.placed", f"Order {order_id} placed: 3 items, 129.90 EUR.", 3)
    return request


def failed(trace_id: str, at_ns: int, order_id: str) -> Request:
    """An order that fails: user does not answer in time, twice; user goes on working although nobody waits."""
    request = Request(trace_id, at_ns, order_id, request_id=f"0193a0e1-7000-7000-8000-{trace_id[:12]}")
    crash = SpanEvent("exception", at_ns + 1790 * MS, {
        "exception.type": "services.order.clients.UserUnavailable", "exception.message": "user gave no answer",
        "exception.stacktrace": "Traceback (most recent call last):\n  …\nUserUnavailable: user gave no answer",
    })
    timeout = "requests.exceptions.ReadTimeout"
    request.serve(1, 0, "gateway", "POST", "/api/orders", 0, 1931, 503, clew__request_id=request.request_id)
    request.call(2, 1, "gateway", "order", "POST", 6, 1926, 503, error="503")
    request.serve(3, 2, "order", "POST", "/orders", 9, 1922, 503, events=(crash,))
    request.call(4, 3, "order", "user", "GET", 70, 870, None, error=timeout)
    request.serve(5, 4, "user", "GET", "/users/<user_id>", 74, 1588, 200)
    request.line(871, "warning", "order", "peer.failed", "user gave no answer to GET /users/<user_id> in 800 ms.", 4)
    request.call(6, 3, "order", "user", "GET", 986, 1786, None, error=timeout)
    request.serve(7, 6, "user", "GET", "/users/<user_id>", 990, 2496, 200)
    request.line(1787, "warning", "order", "peer.failed", "user gave no answer to GET /users/<user_id> in 800 ms.", 6)
    request.line(
        1791, "error", "order", "order.refused", f"Order {order_id} refused: user cannot say. {NASTY}", 3,
        error={"type": "services.order.clients.UserUnavailable", "message": "user gave no answer"},
    )
    return request


def read(trace_id: str, at_ns: int, order_id: str, *, scale: float = 1.0) -> Request:
    """An order that is read."""
    request = Request(trace_id, at_ns, order_id, request_id=f"0193a0e1-7000-7000-8000-{trace_id[:12]}")
    request.serve(1, 0, "gateway", "GET", "/api/orders/<order_id>", 0, 21 * scale, 200)
    request.call(2, 1, "gateway", "order", "GET", 3 * scale, 18 * scale, 200)
    request.serve(3, 2, "order", "GET", "/orders/<order_id>", 5 * scale, 16 * scale, 200)
    return request


GOOD, FAILED, LATER, UNSAMPLED = (digit * 4 + "1d9c27a86be3057d21c0f4e9b6a8" for digit in "4bd7")
GOOD_ORDER, FAILED_ORDER = "ord_7F3KQX", "ord_M29CTZ"
SLOW_SINCE = NOW - 240 * SECOND


@dataclass(frozen=True)
class Story:
    """The filled stores, their readers, and the requests to look at."""

    stores: Stores
    readers: Readers
    good: Request
    failed: Request
    later: Request
    unsampled: Request
    requests: tuple[Request, ...]

    @property
    def accounts(self) -> tuple[InstanceAccount, ...]:
        """As the services counted, with one span of order that was dropped and one that is missing."""
        lines, spans = self.stores.logs.count_by_instance(), self.stores.spans.count_by_instance()
        books = []
        for service, instance in INSTANCES.items():
            kept = lines[service, instance]
            books.append(InstanceAccount(service, instance, "logs", kept, kept, 0))
            kept, short = spans[service, instance], 1 if service == "order" else 0
            books.append(InstanceAccount(service, instance, "traces", kept + 2 * short, kept, short))
        return tuple(books)


def tell() -> Story:
    """
    Half an hour that ends at `NOW`.
    """
    good = placed(GOOD, NOW - 300 * SECOND + 412 * MS, GOOD_ORDER)
    bad = failed(FAILED, NOW - 120 * SECOND + 412 * MS, FAILED_ORDER)
    later = read(LATER, NOW - 60 * SECOND, GOOD_ORDER)
    unsampled = placed(UNSAMPLED, NOW - 500 * SECOND, "ord_UNSAMP")
    others = [
        placed(f"aa{n:02x}1d9c27a86be3057d21c0f4e9b600", NOW - (1700 - 60 * n) * SECOND, f"ord_N{n:02d}",
               scale=0.7 + (n * 7 % 10) / 10)
        for n in range(24)
    ]
    requests = (good, bad, later, *others)
    stores = memory_stores()
    stores.spans.append(span for request in requests for span in request.spans)
    stores.logs.append(line for request in (*requests, unsampled) for line in request.lines)
    stores.logs.append([
        log_line(NOW - 1700 * SECOND, "info", service, "service.started", f"{service} takes requests.")
        for service in INSTANCES
    ])
    stores.samples.append(_samples(), (exemplar for request in requests for exemplar in request.exemplars))
    return Story(stores, readers_of(stores), good, bad, later, unsampled, requests)


ROUTES = (
    # service, method, route, status, requests per second, typical seconds, fails since user is slow
    ("gateway", "POST", "/api/orders", "201", 6.0, 0.08, False),
    ("gateway", "POST", "/api/orders", "503", 2.0, 1.6, True),
    ("gateway", "GET", "/api/orders/<order_id>", "200", 6.0, 0.02, False),
    ("order", "POST", "/orders", "201", 6.0, 0.07, False),
    ("order", "POST", "/orders", "503", 2.0, 1.6, True),
    ("user", "GET", "/users/<user_id>", "200", 8.0, 0.03, False),
)


def _samples() -> Iterator[Sample]:
    for step in range(121):
        at_ms = (NOW - (1800 - 15 * step) * SECOND) // MS
        age_s, slow_s = 15.0 * step, max(0.0, (at_ms * MS - SLOW_SINCE) / SECOND)
        for service in PORTS:
            labels = target(service)
            yield _sample(at_ms, 1.0, __name__="up", **labels)
        for service, method, route, status, rate, typical, fails in ROUTES:
            count = round(rate * (slow_s if fails else age_s))
            if fails and not count:
                continue
            labels = {**target(service), "method": method, "url_rule": route, "status": status}
            name = "flask_http_request_duration_seconds"
            for bound in BOUNDS:
                below = round(count * min(1.0, (bound / typical / 2) ** 1.5))
                yield _sample(at_ms, below, __name__=f"{name}_bucket", le=f"{bound}", **labels)
            yield _sample(at_ms, count, __name__=f"{name}_bucket", le="+Inf", **labels)
            yield _sample(at_ms, count, __name__=f"{name}_count", **labels)
            yield _sample(at_ms, count * typical, __name__=f"{name}_sum", **labels)


def _sample(at_ms: int, value: float, **labels: str) -> Sample:
    return Sample(labels_of(labels), at_ms, float(value))
