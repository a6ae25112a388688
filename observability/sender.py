"""
Spans to a collector: OTLP/HTTP protobuf, in a thread of its own, so that a dead or hanging collector slows nobody.

Source: https://opentelemetry.io/docs/specs/otlp/#otlphttp. The SDK's batch processor is not used because it needs up to
10 s to end when the collector hangs and counts nothing it loses (docs/decisions/0004).
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from observability.transport import Answer, Endpoint, Transport

RETRYABLE = frozenset({429, 502, 503, 504})
MOST_BACKOFF_S = 5.0


@dataclass(frozen=True, slots=True)
class Mark:
    """All spans that ended before *until_s* (seconds since the epoch) stand before this in the queue."""

    until_s: float


class Sender:
    """
    A bounded queue and the thread that empties it. Every span put in is delivered, or counted with *on_drop*.

    :param on_drop: called with (number of spans, reason): ``queue_full rejected encoding shutdown``.
    :param on_lost: called with spans that will not arrive, before *on_delivered* speaks of their time.
    :param on_delivered: called with the time up to which every span has been delivered, or lost.
    :param on_state: called with (True, "") when delivery works again, (False, why) when it stops working.
    """

    def __init__(
        self, endpoint: Endpoint, *, queue_size: int, batch_size: int, on_drop: Callable[[int, str], None],
        on_lost: Callable[[Sequence[ReadableSpan]], None], on_delivered: Callable[[float], None],
        on_state: Callable[[bool, str], None],
    ) -> None:
        self._endpoint = endpoint
        self._transport = Transport(endpoint)
        self._limit = queue_size
        self._batch = batch_size
        self._on_drop, self._on_lost = on_drop, on_lost
        self._on_delivered, self._on_state = on_delivered, on_state
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
            ended = self._deadline is not None
            room = 0 if ended else max(0, self._limit - self._spans)
            self._queue.extend(spans[:room])
            self._spans += len(spans[:room])
            lost = spans[room:]
            if not lost and not ended:
                if self._queue and isinstance(self._queue[-1], Mark):
                    self._queue.pop()
                self._queue.append(Mark(until_s))
                self._start()
            self._ready.notify()
        if lost:
            self._on_drop(len(lost), "shutdown" if ended else "queue_full")
            self._on_lost(lost)

    def close(self, deadline_s: float) -> None:
        """
        Send what waits, for at most *deadline_s* seconds; the rest is dropped and counted. May be called twice.
        """
        with self._ready:
            if self._deadline is None:
                self._deadline = time.monotonic() + deadline_s
            self._ready.notify_all()
        if self._thread is None:
            self._run()  # no thread was to be had
        elif self._thread is not threading.current_thread():
            self._thread.join(deadline_s + 0.1)
        with self._ready:
            left, self._in_flight = self._spans + self._in_flight, 0
            self._queue.clear()
            self._spans = 0
        if left:
            self._on_drop(left, "shutdown")
        self._transport.close()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="telemetry-sender", daemon=True)
            try:
                self._thread.start()
            except RuntimeError:  # no thread is to be had, or the interpreter is ending: the next put tries again
                self._thread = None

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
        batch, body = self._encode(batch)
        backoff = 0.1
        while batch:
            ending = self._deadline
            left = self._endpoint.timeout_s
            if ending is not None:
                left = min(left, ending - time.monotonic())
            if left <= 0:
                return False
            try:
                answer = self._transport.post(body, left)
                why = f"answered {answer.status}"
            except Exception as error:  # noqa: BLE001 (a certificate that cannot be read, a header that cannot be sent)
                answer, why = Answer(0), type(error).__name__
            if 200 <= answer.status < 300:
                self._say(True, "")
                if answer.refused:
                    self._lose(answer.refused, batch, "rejected")
                return True
            self._say(False, why)
            if answer.status and answer.status not in RETRYABLE:
                self._lose(len(batch), batch, "rejected")
                return True
            backoff = min(MOST_BACKOFF_S, backoff * 2)
            pause = max(min(answer.wait_s, MOST_BACKOFF_S), backoff * random.uniform(0.5, 1.0))
            with self._ready:
                if self._deadline is not None:
                    return False
                self._ready.wait_for(lambda: self._deadline is not None, pause)
        return True

    def _encode(self, batch: list[ReadableSpan]) -> tuple[list[ReadableSpan], bytes]:
        """One span that cannot be encoded must not cost the others."""
        try:
            return batch, encode_spans(batch).SerializeToString()
        except Exception:  # noqa: BLE001 (protobuf and the encoder raise what they like)
            good = [span for span in batch if _encodable(span)]
            bad = [span for span in batch if span not in good]
            self._lose(len(bad), bad, "encoding")
            return good, encode_spans(good).SerializeToString()

    def _lose(self, count: int, spans: Sequence[ReadableSpan], reason: str) -> None:
        with self._ready:
            count = min(count, self._in_flight)  # 0 if `close` did not wait and counted them
            self._in_flight -= count
        if count:
            self._on_drop(count, reason)
        self._on_lost(spans)

    def _say(self, working: bool, why: str) -> None:
        if working != self._working:
            self._working = working
            self._on_state(working, why)


def _encodable(span: ReadableSpan) -> bool:
    try:
        encode_spans([span]).SerializeToString()
    except Exception:  # noqa: BLE001
        return False
    return True
