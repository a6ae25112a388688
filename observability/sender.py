"""
Spans to a collector: OTLP/HTTP protobuf, in a thread of its own, so that a dead or hanging collector slows nobody.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp. The SDK's batch processor is not used because it needs up to
10 s to end when the collector hangs and counts nothing it loses (docs/decisions/0004).
"""

from __future__ import annotations

import gzip
import http.client
import random
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

RETRYABLE = frozenset({429, 502, 503, 504})
MOST_BACKOFF_S = 5.0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """
    Where and how to send. *url* is complete (``…/v1/traces``); *timeout_s* bounds connecting and each wait.
    """

    url: str
    headers: tuple[tuple[str, str], ...] = ()
    compression: str = "gzip"
    timeout_s: float = 1.0
    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


class Transport:
    """
    One kept-alive connection. `post` returns the status and a wait that the collector asked for (seconds).

    :raises OSError, http.client.HTTPException: when there is no answer; the connection is closed then.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._parts = urlsplit(endpoint.url)
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes, timeout_s: float) -> tuple[int, float]:
        headers = {"Content-Type": "application/x-protobuf", **dict(self._endpoint.headers)}
        if self._endpoint.compression == "gzip":
            body = gzip.compress(body, 1)
            headers["Content-Encoding"] = "gzip"
        connection = self._connection or self._connect(timeout_s)
        try:
            if connection.sock is not None:
                connection.sock.settimeout(timeout_s)
            connection.request("POST", self._parts.path or "/", body, headers)
            response = connection.getresponse()
            wait = response.headers.get("Retry-After", "")
            # Only a short body is worth a kept connection; a longer or endless one could drip for ever.
            if response.length is not None and response.length <= 4096:
                response.read()
            else:
                self.close()
            return response.status, float(wait) if wait.isascii() and wait.isdigit() else 0.0
        except BaseException:
            self.close()
            raise

    def _connect(self, timeout_s: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "localhost", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context(cafile=self._endpoint.certificate)
            if self._endpoint.client_certificate:
                context.load_cert_chain(self._endpoint.client_certificate, self._endpoint.client_key)
            self._connection = http.client.HTTPSConnection(host, port, timeout=timeout_s, context=context)
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None


@dataclass(frozen=True, slots=True)
class Mark:
    """All spans that ended before *until_s* (seconds since the epoch) stand before this in the queue."""

    until_s: float


class Sender:
    """
    A bounded queue and the thread that empties it. Every span put in is delivered, or counted with *on_drop*.

    :param on_drop: called with (number of spans, reason): ``queue_full rejected encoding shutdown``.
    :param on_delivered: called with the time up to which every span has been delivered.
    :param on_state: called with (True, 0, "") when delivery works again, (False, 0, why) when it stops working.
    """

    def __init__(
        self, endpoint: Endpoint, *, queue_size: int, batch_size: int, on_drop: Callable[[int, str], None],
        on_delivered: Callable[[float], None], on_state: Callable[[bool, str], None],
    ) -> None:
        self._endpoint = endpoint
        self._transport = Transport(endpoint)
        self._limit = queue_size
        self._batch = batch_size
        self._on_drop, self._on_delivered, self._on_state = on_drop, on_delivered, on_state
        self._queue: deque[ReadableSpan | Mark] = deque()
        self._spans = 0
        self._ready = threading.Condition()
        self._deadline: float | None = None
        self._in_flight = 0
        self._working = True
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        return self._spans + self._in_flight

    def put(self, spans: Sequence[ReadableSpan], until_s: float) -> None:
        """
        Queue *spans*; those beyond the queue's size are dropped and counted.
        """
        with self._ready:
            if self._deadline is not None:
                self._on_drop(len(spans), "shutdown")
                return
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="telemetry-sender", daemon=True)
                self._thread.start()
            room = max(0, self._limit - self._spans)
            self._queue.extend(spans[:room])
            self._spans += min(room, len(spans))
            if len(spans) > room:
                self._on_drop(len(spans) - room, "queue_full")
            elif not (self._queue and isinstance(self._queue[-1], Mark)) or spans:
                self._queue.append(Mark(until_s))
            self._ready.notify()

    def close(self, deadline_s: float) -> None:
        """
        Send what waits, for at most *deadline_s* seconds; the rest is dropped and counted. May be called twice.
        """
        with self._ready:
            if self._deadline is None:
                self._deadline = time.monotonic() + deadline_s
            self._ready.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(deadline_s + 0.1)
        with self._ready:
            left, self._in_flight = self._spans + self._in_flight, 0
            self._queue.clear()
            self._spans = 0
            if left:
                self._on_drop(left, "shutdown")
        self._transport.close()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._queue and self._deadline is None:
                    self._ready.wait()
                if not self._queue or (self._deadline is not None and time.monotonic() >= self._deadline):
                    return
                batch, until = self._take()
            if batch and not self._deliver(batch):
                return
            with self._ready:
                self._in_flight = 0
            if until is not None:
                self._on_delivered(until)

    def _take(self) -> tuple[list[ReadableSpan], float | None]:
        """The next batch and the last mark that stands right behind it."""
        batch: list[ReadableSpan] = []
        until: float | None = None
        while self._queue:
            item = self._queue[0]
            if isinstance(item, Mark):
                until = item.until_s
            elif len(batch) == self._batch:
                break
            else:
                batch.append(item)
                until = None
            self._queue.popleft()
        self._spans -= len(batch)
        self._in_flight = len(batch)
        return batch, until

    def _deliver(self, batch: list[ReadableSpan]) -> bool:
        """False: the deadline passed and *batch* is still in flight, for `close` to count."""
        body = self._encode(batch)
        backoff = 0.1
        while body:
            ending = self._deadline
            left = self._endpoint.timeout_s
            if ending is not None:
                left = min(left, ending - time.monotonic())
            if left <= 0:
                return False
            wait = 0.0
            try:
                status, wait = self._transport.post(body, left)
                why = f"answered {status}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                status, why = 0, type(error).__name__
            if 200 <= status < 300:
                self._say(True, "")
                return True
            if status and status not in RETRYABLE:
                self._say(False, why)
                self._give_up(len(batch), "rejected")
                return True
            self._say(False, why)
            backoff = min(MOST_BACKOFF_S, backoff * 2)
            pause = max(min(wait, MOST_BACKOFF_S), backoff * random.uniform(0.5, 1.0))
            with self._ready:
                if self._deadline is not None:
                    return False
                self._ready.wait_for(lambda: self._deadline is not None, pause)
        return True

    def _encode(self, batch: list[ReadableSpan]) -> bytes:
        """One span that cannot be encoded must not cost the others."""
        try:
            return encode_spans(batch).SerializeToString()
        except Exception:  # noqa: BLE001 (protobuf and the encoder raise what they like)
            good = [span for span in batch if self._encodable(span)]
            self._give_up(len(batch) - len(good), "encoding")
            return encode_spans(good).SerializeToString() if good else b""

    def _encodable(self, span: ReadableSpan) -> bool:
        try:
            encode_spans([span]).SerializeToString()
        except Exception:  # noqa: BLE001
            return False
        return True

    def _give_up(self, count: int, reason: str) -> None:
        with self._ready:
            self._in_flight = max(0, self._in_flight - count)
        self._on_drop(count, reason)

    def _say(self, working: bool, why: str) -> None:
        if working != self._working:
            self._working = working
            self._on_state(working, why)
