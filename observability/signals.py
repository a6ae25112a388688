"""
What a `RequestRecord` becomes: a server span, an access line. Pure functions, called outside the request.

Spans follow OpenTelemetry's stable HTTP semantic conventions (https://opentelemetry.io/docs/specs/semconv/http/http-spans/),
lines follow ECS (https://www.elastic.co/docs/reference/ecs).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, Status, StatusCode

from observability.record import OTHER_METHOD, UNMATCHED, RequestRecord
from observability.spans import readable

SECOND_NS = 1_000_000_000


def rfc3339(unix_ns: int) -> str:
    """
    UTC with microseconds and ``Z``.
    """
    seconds, rest = divmod(unix_ns, SECOND_NS)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


def server_span(record: RequestRecord, resource: Resource) -> ReadableSpan:
    """
    The span ``METHOD route``; status ERROR when the answer was 5xx or broke off, unless the view set one.
    """
    method = "HTTP" if record.method == OTHER_METHOD else record.method
    matched = record.route != UNMATCHED
    host, port = split_host(record.host)
    attributes: dict[str, Any] = {
        "http.request.method": record.method,
        "url.scheme": record.scheme,
        "url.path": record.path,
        "server.address": host,
        "server.port": port or (443 if record.scheme == "https" else 80),
        "http.response.status_code": record.status,
        "http.response.body.size": record.body_bytes,
        "network.protocol.version": record.protocol,
        "clew.request_id": record.request_id,
    }
    if record.method == OTHER_METHOD:
        attributes["http.request.method_original"] = record.method_original
    if matched:
        attributes["http.route"] = record.route
    if record.query:
        attributes["url.query"] = record.query
    if record.client_address:
        attributes["client.address"] = record.client_address
    if record.user_agent:
        attributes["user_agent.original"] = record.user_agent
    if record.failed:
        attributes["error.type"] = record.error_type or str(record.status)
    if record.truncated:
        attributes["clew.truncated"] = True
    status = record.span_status
    if record.failed and status.status_code is not StatusCode.OK:
        status = Status(StatusCode.ERROR, status.description)
    return readable(
        name=record.span_name or (f"{method} {record.route}" if matched else method),
        context=record.context,
        parent=record.parent,
        kind=SpanKind.SERVER,
        start_ns=record.start_ns,
        end_ns=record.end_ns,
        attributes=record.attributes | attributes,
        events=record.events,
        links=record.links,
        status=status,
        resource=resource,
    )


def access_line(record: RequestRecord) -> dict[str, Any]:
    """
    The fields of ``request.finished`` beyond those that every line has.
    """
    line: dict[str, Any] = {
        "event": {
            "action": "request.finished",
            "outcome": "failure" if record.failed else "success",
            "duration": record.duration_ns,
        },
        "http": {
            "request": {"method": record.method, "id": record.request_id},
            "response": {"status_code": record.status, "body": {"bytes": record.body_bytes}},
            "route": record.route,
        },
        "url": {"path": record.path},
        "client": {"address": record.client_address},
        "user_agent": {"original": record.user_agent},
    }
    if record.failed:
        line["error"] = {"type": record.error_type or str(record.status)}
    return line


def access_message(record: RequestRecord) -> str:
    milliseconds = record.duration_ns / 1e6
    ending = " (the client went away)" if record.client_gone else " (broke off)" if record.truncated else ""
    return f"{record.method} {record.route} {record.status} in {milliseconds:.1f} ms{ending}"


def access_level(record: RequestRecord) -> str:
    return "error" if record.status >= 500 else "warning" if record.truncated else "info"


def split_host(host: str) -> tuple[str, int]:
    """
    ``example.org:8080`` -> (``example.org``, 8080); no port -> 0; IPv6 in brackets.
    """
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and not name.endswith(":") and len(port) < 6:
        return name.strip("[]"), int(port)
    return host.strip("[]"), 0
