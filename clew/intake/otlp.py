"""The OTLP/HTTP receiver: `POST /v1/traces`, as the OpenTelemetry protocol 1.x has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from clew.intake.aside import Aside
from clew.intake.inflate import CorruptGzip, TooLarge, gunzip
from clew.intake.otlp_body import JSON, PROTOBUF, MalformedBody, failure, read_request, success
from clew.intake.otlp_spans import Decoded, SpanLimits, decode
from clew.intake.tally import Tally, unheard
from clew.store import Span, SpanStore, StoreError

BODY_LIMIT = 20 * 1024 * 1024
LOOPBACK = ("127.0.0.1", "localhost")
RETRY_AFTER_S = 1

# google.rpc.Code by HTTP status
_CODES = {400: 3, 404: 5, 405: 12, 413: 8, 415: 3, 500: 13, 503: 14}


@dataclass(frozen=True, slots=True)
class OtlpStatus:
    """
    :param counts: ``spans_received`` = ``spans_stored`` (new ones) + ``spans_replaced`` (were there already) +
        ``spans_refused:<reason>``; ``bodies_received``, ``bodies_refused:<reason>``; ``store_refusals`` (answered 503,
        nothing of it is in the other counts: the sender tries again); and what was put right, see `Decoded`.
    :param last_received_s: when spans came last (seconds since the epoch), or None.
    :param waiting: what the store said when it last refused; empty when it works.
    """

    counts: Mapping[str, int]
    last_received_s: float | None
    waiting: str


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    media_type: str
    body: bytes
    headers: Mapping[str, str]


class OtlpIntake:
    """
    Bodies to spans to the store. Threads may call it side by side.

    A body that cannot be read is kept aside and answered with 400; a store that refuses is answered with 503, and the
    sender has it still. Never raises.
    """

    def __init__(
        self,
        spans: SpanStore,
        aside: Aside,
        *,
        limits: SpanLimits | None = None,
        body_limit: int = BODY_LIMIT,
        clock: Callable[[], float] = time.time,
        report: Callable[[str], None] = unheard,
    ) -> None:
        self.body_limit = body_limit
        self._spans = spans
        self._aside = aside
        self._limits = limits
        self._clock = clock
        self._report = report
        self._counts = Tally()
        self._last_received_s: float | None = None
        self._waiting = ""

    def status(self) -> OtlpStatus:
        return OtlpStatus(self._counts.snapshot(), self._last_received_s, self._waiting)

    def receive(self, body: bytes, content_type: str, content_encoding: str) -> Answer:
        """One `POST /v1/traces`."""
        self._counts.add("bodies_received")
        media_type = content_type.partition(";")[0].strip().lower()
        encoding = content_encoding.strip().lower()
        if media_type not in (PROTOBUF, JSON):
            why = f"Send spans as {PROTOBUF} or {JSON}, not as '{media_type[:80]}'."
            return self.refuse(415, "content_type", why, JSON)
        if encoding not in ("", "identity", "gzip"):
            why = f"Send the body plain or as gzip, not as '{encoding[:80]}'."
            return self.refuse(415, "content_encoding", why, media_type)
        try:
            decoded = decode(
                read_request(gunzip(body, limit=self.body_limit) if encoding == "gzip" else body, media_type),
                self._limits,
            )
        except TooLarge as error:
            return self.refuse(413, "too_large", str(error), media_type)
        except (CorruptGzip, MalformedBody) as error:
            reason = "not_gzip" if isinstance(error, CorruptGzip) else "malformed"
            self._aside.keep(f"traces-{reason.replace('_', '-')}", body)
            return self.refuse(400, reason, str(error), media_type)
        try:
            self._store(decoded)
        except StoreError as error:
            return self._try_again(error, media_type)
        return _accepted(decoded, media_type)

    def refuse(self, status: int, reason: str, why: str, media_type: str) -> Answer:
        """Count a body by *reason* and answer with *status*."""
        self._counts.add(f"bodies_refused:{reason}")
        return _failed(status, why, media_type)

    def _store(self, decoded: Decoded) -> None:
        new, unstorable = self._append(decoded.spans)
        if decoded.spans:
            self._last_received_s = self._clock()
            self._end_of_trouble()
        if unstorable:
            decoded.refused["unstorable"] += unstorable
        refused = sum(decoded.refused.values())
        self._counts.add("spans_received", len(decoded.spans) + refused - unstorable)
        self._counts.add("spans_stored", new)
        self._counts.add("spans_replaced", len(decoded.spans) - unstorable - new)
        for reason, count in decoded.refused.items():
            self._counts.add(f"spans_refused:{reason}", count)
        for name, count in decoded.oddities.items():
            self._counts.add(name, count)

    def _append(self, spans: Sequence[Span]) -> tuple[int, int]:
        """How many were new, and how many no store can write (those are kept aside)."""
        try:
            return (self._spans.append(spans) if spans else 0), 0
        except StoreError:
            raise
        except Exception:  # noqa: BLE001 (one span that trips the store up must not take the others with it)
            if len(spans) == 1:
                self._aside.keep("span-unstorable", repr(spans[0]).encode("utf-8", "backslashreplace"))
                return 0, 1
        each = [self._append([span]) for span in spans]
        return sum(new for new, _ in each), sum(bad for _, bad in each)

    def _try_again(self, error: StoreError, media_type: str) -> Answer:
        self._counts.add("store_refusals")
        if not self._waiting:
            self._report(f"The span store refuses, senders are asked to try again: {error}")
        self._waiting = str(error)
        retry = {"Retry-After": str(RETRY_AFTER_S)}
        return _failed(503, "The store cannot take spans now. Try again.", media_type, retry)

    def _end_of_trouble(self) -> None:
        if self._waiting:
            self._waiting = ""
            self._report("The span store accepts again.")


def create_otlp_app(intake: OtlpIntake, *, trusted_hosts: Sequence[str] = LOOPBACK) -> Flask:
    """
    The receiver as a WSGI app.

    :param trusted_hosts: what a Host header may say, without port: a page in a browser that got itself another name
        for 127.0.0.1 is turned away.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = intake.body_limit
    app.config["TRUSTED_HOSTS"] = list(trusted_hosts)

    @app.post("/v1/traces")
    def traces() -> Response:
        return _response(
            intake.receive(
                request.get_data(cache=False),
                request.headers.get("Content-Type", ""),
                request.headers.get("Content-Encoding", ""),
            )
        )

    @app.post("/v1/<any(metrics, logs):signal>")
    def not_here(signal: str) -> Response:
        way = "scraped from /metrics" if signal == "metrics" else "read from files in LOG_DIR"
        why = f"Only spans are received here; {signal} are {way}. Switch the sender's OTLP exporter for {signal} off."
        return _response(intake.refuse(404, f"{signal}_not_received", why, _answer_type()))

    @app.errorhandler(HTTPException)
    def wrong(error: HTTPException) -> Response:
        status = error.code or 500
        if status == 413:
            why = f"The body is larger than {intake.body_limit} bytes."
            return _response(intake.refuse(413, "too_large", why, _answer_type()))
        why = "This is an OTLP receiver: POST /v1/traces." if status in (404, 405) else str(error.description)
        answer = _response(_failed(status, why, _answer_type()))
        if status == 405:
            answer.headers["Allow"] = "POST"
        return answer

    return app


def _answer_type() -> str:
    """Answers are spelled like the question, JSON if that was neither."""
    return PROTOBUF if request.mimetype == PROTOBUF else JSON


def _accepted(decoded: Decoded, media_type: str) -> Answer:
    rejected = sum(decoded.refused.values())
    reasons = ", ".join(f"{reason} ({count})" for reason, count in sorted(decoded.refused.items()))
    body = success(media_type, rejected=rejected, message=f"Spans refused: {reasons}." if rejected else "")
    return Answer(200, media_type, body, {})


def _failed(status: int, why: str, media_type: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, media_type, failure(media_type, _CODES.get(status, 2), why), headers or {})


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, content_type=answer.media_type, headers=dict(answer.headers))
