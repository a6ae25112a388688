"""
One `RequestRecord` per request: what happened, and nothing that was not true on the wire.

The server span, the histogram sample with its exemplar and the access line are pure functions of it (`signals.py`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, SpanContext, Status

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
OTHER_METHOD = "_OTHER"
UNMATCHED = "unmatched"


class RequestRecord(NamedTuple):
    """
    :param method: a known method or ``_OTHER``; *method_original* is what was sent.
    :param route: the URL rule that matched; ``unmatched`` if none did.
    :param status: the status on the wire; 500 if an exception escaped before the first byte.
    :param body_bytes: bytes of the body that the application handed to the server.
    :param start_ns: nanoseconds since the epoch; *duration_ns* on the monotonic clock, up to the last byte.
    :param error_type: exception class or status as text; empty when nothing failed.
    :param exceptions: how many exceptions no handler took (0 or 1).
    :param truncated: the body broke off after its first byte, or the client went away (*client_gone*).
    :param measured: False for a view that is marked with ``do_not_track``: it is in no metric.
    :param sequence: number of its access line among this process' lines.
    """

    app: str
    context: SpanContext
    parent: SpanContext | None
    span_name: str
    method: str
    method_original: str
    route: str
    path: str
    query: str
    scheme: str
    host: str
    client_address: str
    user_agent: str
    protocol: str
    request_id: str
    status: int
    body_bytes: int
    start_ns: int
    duration_ns: int
    error_type: str
    exceptions: int
    truncated: bool
    client_gone: bool
    attributes: dict[str, Any]
    events: list[Event]
    links: list[Link]
    span_status: Status
    sequence: int
    measured: bool
    secrets: Any

    @property
    def failed(self) -> bool:
        return self.status >= 500 or self.truncated

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.duration_ns
