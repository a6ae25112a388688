"""The OTLP receiver: what OpenTelemetry's own encoder sends, what the specification allows, and what it does not."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import math
import tempfile
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from clew.intake.aside import Aside
from clew.intake.otlp import OtlpIntake, create_otlp_app
from clew.intake.otlp_spans import SpanLimits
from clew.store import Span, SpanStore, StoreError
from clew.store.memory import memory_stores

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
TRACE, PARENT, CHILD = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "00f067aa0ba902b8"


class MoodyStore:
    """A real store that can be told to refuse, or to choke on a span by its name."""

    def __init__(self) -> None:
        self.real: SpanStore = memory_stores().spans
        self.refuses = False

    def append(self, spans: Iterable[Span]) -> int:
        spans = list(spans)
        if self.refuses:
            raise StoreError("spans.db: the disk is full")
        if any(span.name == "choke" for span in spans):
            raise OverflowError("Python int too large to convert to SQLite INTEGER")
        return self.real.append(spans)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Receiver:
    def __init__(self, folder: Path, **options: Any) -> None:
        self.store = MoodyStore()
        self.reports: list[str] = []
        self.folder = folder
        self.intake = OtlpIntake(
            self.store, Aside(folder), clock=lambda: 1_795_246_863.0, report=self.reports.append, **options
        )
        self.client: FlaskClient = create_otlp_app(self.intake).test_client()

    def post(
        self, body: bytes, content_type: str = PROTOBUF, *, path: str = "/v1/traces", **headers: str
    ) -> TestResponse:
        return self.client.post(
            path,
            data=body,
            content_type=content_type,
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )

    def post_json(self, document: object) -> TestResponse:
        return self.post(json.dumps(document).encode(), JSON)

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.intake.status().counts)

    def trace(self, trace_id: str = TRACE) -> list[Span]:
        return list(self.store.real.trace(trace_id))

    def aside(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.iterdir())] if self.folder.exists() else []


@pytest.fixture
def receiver(tmp_path: Path) -> Receiver:
    return Receiver(tmp_path / "aside")


def sdk_body() -> tuple[bytes, str]:
    """A server span with a child, as the SDK makes and encodes them, and the trace id."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource({"service.name": "order", "service.instance.id": "i-1", "n": 1}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("orders")
    linked = SpanContext(int("cd" * 16, 16), int("ef" * 8, 16), is_remote=True)
    with tracer.start_as_current_span(
        "POST /orders",
        kind=SpanKind.SERVER,
        attributes={"http.request.method": "POST", "ok": True, "n": -5, "x": 0.5, "list": ["a", "b"]},
        links=[Link(linked, {"why": "retry"})],
    ) as span:
        with tracer.start_as_current_span("GET", kind=SpanKind.CLIENT) as child:
            child.add_event("exception", {"exception.type": "ValueError"}, timestamp=1_795_246_863_000_000_001)
            child.set_status(Status(StatusCode.ERROR, "it broke"))
        span.set_status(StatusCode.OK)
    provider.shutdown()
    finished = exporter.get_finished_spans()
    context = finished[0].get_span_context()
    assert context is not None
    return encode_spans(finished).SerializeToString(), f"{context.trace_id:032x}"


def test_what_the_sdk_sends_is_stored_whole(receiver: Receiver) -> None:
    body, trace_id = sdk_body()
    answer = receiver.post(body)
    assert (answer.status_code, answer.content_type) == (200, PROTOBUF)
    assert ExportTraceServiceResponse.FromString(answer.data) == ExportTraceServiceResponse()
    server, client = receiver.trace(trace_id)
    assert (server.name, server.kind, server.status, server.parent_span_id) == ("POST /orders", "server", "ok", None)
    assert dict(server.attributes) == {
        "http.request.method": "POST", "ok": True, "n": -5, "x": 0.5, "list": ["a", "b"],
    }  # fmt: skip
    assert (server.service, server.instance, server.resource["n"], server.scope) == ("order", "i-1", 1, "orders")
    (link,) = server.links
    assert (link.trace_id, link.span_id, dict(link.attributes)) == ("cd" * 16, "ef" * 8, {"why": "retry"})
    assert (client.kind, client.status, client.status_message) == ("client", "error", "it broke")
    assert client.parent_span_id == server.span_id
    (event,) = client.events
    assert (event.name, event.timestamp_ns) == ("exception", 1_795_246_863_000_000_001)
    assert dict(event.attributes) == {"exception.type": "ValueError"}
    assert receiver.counts == {"bodies_received": 1, "spans_received": 2, "spans_stored": 2}
    assert receiver.intake.status().last_received_s == 1_795_246_863.0


def test_the_same_spans_again_are_stored_once(receiver: Receiver) -> None:
    body, _ = sdk_body()
    receiver.post(body)
    receiver.post(body)
    assert receiver.counts["spans_stored"] == 2
    assert receiver.counts["spans_replaced"] == 2


def test_gzip_is_unpacked(receiver: Receiver) -> None:
    body, trace_id = sdk_body()
    assert receiver.post(gzip.compress(body), Content_Encoding="gzip").status_code == 200
    assert len(receiver.trace(trace_id)) == 2


def span(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "traceId": TRACE,
        "spanId": PARENT,
        "name": "GET /orders/{id}",
        "kind": 2,
        "startTimeUnixNano": "1795246863000000001",
        "endTimeUnixNano": "1795246863500000001",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def request(*spans: object, resource: object = None) -> dict[str, Any]:
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": "order"}}]}
    return {"resourceSpans": [{"resource": resource or service, "scopeSpans": [{"spans": list(spans)}]}]}


def test_json_has_hex_ids_and_numbers_as_text_or_not(receiver: Receiver) -> None:
    """OTLP/JSON: ids hex in either case, 64-bit integers as text or number, enumerations as number or name."""
    attributes = [
        {"key": "text", "value": {"stringValue": "a"}},
        {"key": "int", "value": {"intValue": "9007199254740993"}},
        {"key": "number", "value": {"intValue": 7}},
        {"key": "bool", "value": {"boolValue": True}},
        {"key": "double", "value": {"doubleValue": 0.5}},
        {"key": "nan", "value": {"doubleValue": "NaN"}},
        {"key": "list", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}},
        {"key": "map", "value": {"kvlistValue": {"values": [{"key": "k", "value": {"intValue": "1"}}]}}},
        {"key": "bytes", "value": {"bytesValue": "AAEC"}},
        {"key": "nested", "value": {"arrayValue": {"values": [{"arrayValue": {"values": [{"intValue": 1}]}}]}}},
        {"key": "nothing", "value": {}},
    ]
    answer = receiver.post_json(
        request(
            span(attributes=attributes, status={"code": "STATUS_CODE_ERROR", "message": "m"}, someday="a new field"),
            span(
                traceId=TRACE.upper(),
                spanId=CHILD,
                parentSpanId=PARENT,
                kind="SPAN_KIND_CLIENT",
                startTimeUnixNano=1795246863000000002,
                links=[{"traceId": "CD" * 16, "spanId": "ef" * 8}, {"traceId": "x", "spanId": ""}],
            ),
        )
    )
    assert (answer.status_code, answer.content_type, answer.data) == (200, JSON, b"{}")
    first, second = receiver.trace()
    assert dict(first.attributes) == {
        "text": "a", "int": 9007199254740993, "number": 7, "bool": True, "double": 0.5, "nan": "NaN", "list": ["a", 1],
        "map": '{"k":1}', "bytes": "AAEC", "nested": ["[1]"], "nothing": "",
    }  # fmt: skip
    assert (first.kind, first.status, first.status_message, first.duration_ns) == ("server", "error", "m", 500_000_000)
    assert (second.kind, second.parent_span_id, second.start_ns) == ("client", PARENT, 1795246863000000002)
    assert [link.trace_id for link in second.links] == ["cd" * 16]


def as_otlp_json(body: bytes) -> dict[str, Any]:
    """What protobuf's own JSON makes of *body*, with the ids in hex."""
    document: dict[str, Any] = MessageToDict(ExportTraceServiceRequest.FromString(body))
    for one in document["resourceSpans"][0]["scopeSpans"][0]["spans"]:
        for holder in (one, *one.get("links", [])):
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in holder:
                    holder[name] = base64.b64decode(holder[name]).hex()
    return document


def test_protobuf_and_json_of_the_same_request_are_stored_alike(receiver: Receiver, tmp_path: Path) -> None:
    body, trace_id = sdk_body()
    other = Receiver(tmp_path / "other")
    assert receiver.post(body).status_code == 200
    assert other.post_json(as_otlp_json(body)).status_code == 200
    assert other.trace(trace_id) == receiver.trace(trace_id)


def test_an_empty_request_is_fine(receiver: Receiver) -> None:
    assert receiver.post(b"").status_code == 200
    assert receiver.post(b"{}", JSON).status_code == 200
    assert receiver.intake.status().last_received_s is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"traceId": ""}, "invalid_trace_id"),
        ({"traceId": None}, "invalid_trace_id"),
        ({"traceId": "0" * 32}, "invalid_trace_id"),
        ({"traceId": TRACE[:-2]}, "invalid_trace_id"),
        ({"traceId": "not hex"}, "invalid_trace_id"),
        ({"spanId": "0" * 16}, "invalid_span_id"),
        ({"spanId": TRACE}, "invalid_span_id"),
        ({"parentSpanId": "xyz"}, "invalid_parent_id"),
        ({"parentSpanId": "ab"}, "invalid_parent_id"),
        ({"startTimeUnixNano": None}, "invalid_time"),
        ({"startTimeUnixNano": str(2**63)}, "invalid_time"),
        ({"endTimeUnixNano": str(2**64 - 1)}, "invalid_time"),
    ],
)
def test_a_span_that_cannot_be_kept_is_refused_by_reason_and_the_others_are_stored(
    receiver: Receiver, change: dict[str, Any], reason: str
) -> None:
    """partial_success, in the spelling of the request; the sender must not try again."""
    answer = receiver.post_json(request(span(**change), span(spanId=CHILD)))
    assert answer.status_code == 200
    assert answer.json == {"partialSuccess": {"rejectedSpans": "1", "errorMessage": f"Spans refused: {reason} (1)."}}
    assert [kept.span_id for kept in receiver.trace()] == [CHILD]
    assert receiver.counts == {
        "bodies_received": 1, "spans_received": 2, "spans_stored": 1, f"spans_refused:{reason}": 1,
    }  # fmt: skip


def test_partial_success_in_protobuf(receiver: Receiver) -> None:
    body, _ = sdk_body()
    message = ExportTraceServiceRequest.FromString(body)
    message.resource_spans[0].scope_spans[0].spans[0].span_id = b"1234567"
    answer = ExportTraceServiceResponse.FromString(receiver.post(message.SerializeToString()).data)
    assert answer.partial_success.rejected_spans == 1
    assert answer.partial_success.error_message == "Spans refused: invalid_span_id (1)."


def test_a_parent_of_zeros_is_no_parent(receiver: Receiver) -> None:
    receiver.post_json(request(span(parentSpanId="0" * 16), span(spanId=CHILD, parentSpanId="")))
    assert [kept.parent_span_id for kept in receiver.trace()] == [None, None]


def test_a_span_that_ends_before_it_starts_is_kept_and_counted(receiver: Receiver) -> None:
    receiver.post_json(request(span(endTimeUnixNano="5")))
    (kept,) = receiver.trace()
    assert kept.duration_ns == 0
    assert receiver.counts["ends_before_start"] == 1


@pytest.mark.parametrize("attributes", [[], [{"key": "service.name", "value": {"intValue": 1}}]])
def test_spans_without_a_service_name_belong_to_unknown_service(receiver: Receiver, attributes: object) -> None:
    receiver.post_json(request(span(), resource={"attributes": attributes}))
    assert receiver.trace()[0].service == "unknown_service"
    assert receiver.counts["unnamed_service"] == 1


def test_kinds_and_statuses_from_the_future_are_unspecified_and_unset(receiver: Receiver) -> None:
    receiver.post_json(request(span(kind=77, status={"code": 9})))
    (kept,) = receiver.trace()
    assert (kept.kind, kept.status) == ("unspecified", "unset")


def test_what_is_too_much_of_a_span_is_cut_off_and_counted(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path, limits=SpanLimits(attributes=2, events=1, links=1, items=2, characters=4))
    text = {"stringValue": "x" * 9}
    receiver.post_json(
        request(
            span(
                name="GET /orders",
                attributes=[{"key": f"k{n}", "value": text} for n in range(5)],
                events=[{"name": "e", "timeUnixNano": str(2**64 - 1)}] * 3,
                links=[{"traceId": TRACE, "spanId": CHILD}] * 2,
            ),
            span(
                spanId=CHILD,
                name="b",
                attributes=[{"key": "l", "value": {"arrayValue": {"values": [{"intValue": 1}] * 9}}}],
            ),
        )
    )
    first, second = receiver.trace()
    assert (first.name, dict(first.attributes)) == ("GET ", {"k0": "xxxx", "k1": "xxxx"})
    assert (len(first.events), len(first.links), first.events[0].timestamp_ns) == (1, 1, 2**63 - 1)
    assert second.attributes["l"] == [1, 1]
    cut = {name: count for name, count in receiver.counts.items() if name.startswith("cut:")}
    assert cut == {"cut:attributes": 3, "cut:events": 2, "cut:links": 1, "cut:items": 7, "cut:characters": 5}


def status_of(answer: TestResponse) -> tuple[int, str]:
    """Code and message of a google.rpc.Status, decoded by protobuf itself."""
    if answer.content_type == JSON:
        document = answer.json
        assert document is not None
        return document["code"], document["message"]
    file = descriptor_pb2.FileDescriptorProto(name="status.proto", package="google.rpc", syntax="proto3")
    message = file.message_type.add(name="Status")
    field = descriptor_pb2.FieldDescriptorProto
    message.field.add(name="code", number=1, type=field.TYPE_INT32, label=field.LABEL_OPTIONAL)
    message.field.add(name="message", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    kind = message_factory.GetMessageClass(pool.FindMessageTypeByName("google.rpc.Status"))
    status: Message = kind.FromString(answer.data)
    return status.code, status.message  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"\xff\xff\xff", PROTOBUF, "The body is not a protobuf ExportTraceServiceRequest."),
        (b'{"resourceSpans": [', JSON, "The body is not JSON"),
        (b"[]", JSON, "it must be an object"),
        (b'{"resourceSpans": 5}', JSON, "not an ExportTraceServiceRequest"),
        (b'{"resourceSpans": [5]}', JSON, "not an ExportTraceServiceRequest"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 5}]}]}]}', JSON, "not an ExportTrace"),
        (b'{"resourceSpans": [{"scopeSpans": {"spans": "x"}}]}', JSON, "not an ExportTraceServiceRequest"),
        (b'{"a": "\\ud800"}', JSON, "The body is not JSON"),
        (b'{"resourceSpans":' + b"[" * 200 + b"]" * 200 + b"}", JSON, "not an ExportTraceServiceRequest"),
    ],
)
def test_a_body_that_cannot_be_read_is_kept_aside_and_answered_with_400(
    receiver: Receiver, body: bytes, content_type: str, message: str
) -> None:
    answer = receiver.post(body, content_type)
    assert (answer.status_code, answer.content_type) == (400, content_type)
    code, text = status_of(answer)
    assert code == 3
    assert message in text
    assert receiver.aside() == [body]
    assert receiver.counts == {"bodies_received": 1, "bodies_refused:malformed": 1}


@pytest.mark.parametrize("damage", ["none", "cut", "followed"])
def test_gzip_that_is_none_is_kept_aside_and_answered_with_400(receiver: Receiver, damage: str) -> None:
    packed = {
        "none": b"not gzip",
        "cut": gzip.compress(b"abc")[:-3],
        "followed": gzip.compress(b"") + b"more",
    }[damage]
    answer = receiver.post(packed, Content_Encoding="gzip")
    assert (answer.status_code, status_of(answer)[0]) == (400, 3)
    assert receiver.aside() == [packed]
    assert receiver.counts["bodies_refused:not_gzip"] == 1


def test_a_body_that_is_too_large_is_refused_packed_or_not(tmp_path: Path) -> None:
    """A gzip bomb is not unpacked beyond the limit."""
    receiver = Receiver(tmp_path, body_limit=1000)
    answer = receiver.post(b"x" * 2000)
    assert (answer.status_code, status_of(answer)) == (413, (8, "The body is larger than 1000 bytes."))
    bomb = gzip.compress(b"x" * 100_000)
    assert len(bomb) < 1000
    answer = receiver.post(bomb, Content_Encoding="gzip")
    assert (answer.status_code, status_of(answer)) == (413, (8, "The unpacked body is larger than 1000 bytes."))
    assert receiver.counts["bodies_refused:too_large"] == 2


@pytest.mark.parametrize(
    ("content_type", "encoding"), [("text/plain", ""), ("", ""), (JSON, "br"), (PROTOBUF, "deflate")]
)
def test_other_types_and_encodings_are_answered_with_415(receiver: Receiver, content_type: str, encoding: str) -> None:
    answer = receiver.post(b"x", content_type, Content_Encoding=encoding)
    assert (answer.status_code, status_of(answer)[0]) == (415, 3)
    assert receiver.aside() == []


def test_parameters_of_the_content_type_do_not_matter(receiver: Receiver) -> None:
    assert receiver.post(b"{}", "Application/JSON; charset=utf-8", Content_Encoding="Identity").status_code == 200


def test_a_store_that_refuses_makes_the_sender_try_again_and_nothing_is_lost(receiver: Receiver) -> None:
    body, trace_id = sdk_body()
    receiver.store.refuses = True
    for _ in range(2):
        answer = receiver.post(body)
        assert (answer.status_code, answer.headers["Retry-After"], status_of(answer)[0]) == (503, "1", 14)
    assert "disk" not in status_of(answer)[1]
    assert receiver.intake.status().waiting == "spans.db: the disk is full"
    receiver.store.refuses = False
    assert receiver.post(body).status_code == 200
    assert len(receiver.trace(trace_id)) == 2
    assert receiver.counts == {"bodies_received": 3, "spans_received": 2, "spans_stored": 2, "store_refusals": 2}
    assert [report.split(",")[0] for report in receiver.reports] == [
        "The span store refuses",
        "The span store accepts again.",
    ]


def test_a_span_that_no_store_can_write_is_kept_aside_and_the_others_are_stored(receiver: Receiver) -> None:
    answer = receiver.post_json(request(span(name="choke"), span(spanId=CHILD)))
    assert answer.json == {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "Spans refused: unstorable (1)."}}
    assert [kept.span_id for kept in receiver.trace()] == [CHILD]
    assert receiver.counts == {
        "bodies_received": 1, "spans_received": 2, "spans_stored": 1, "spans_refused:unstorable": 1,
    }  # fmt: skip
    assert b"choke" in receiver.aside()[0]


@pytest.mark.parametrize(("signal", "way"), [("metrics", "scraped from /metrics"), ("logs", "read from files")])
def test_the_other_signals_are_told_where_they_belong(receiver: Receiver, signal: str, way: str) -> None:
    answer = receiver.post(b"", path=f"/v1/{signal}")
    assert answer.status_code == 404
    code, message = status_of(answer)
    assert code == 5
    assert way in message
    assert receiver.counts == {f"bodies_refused:{signal}_not_received": 1}


def test_other_methods_and_paths_are_answered_as_a_status(receiver: Receiver) -> None:
    answer = receiver.client.get("/v1/traces")
    assert (answer.status_code, answer.headers["Allow"], status_of(answer)[0]) == (405, "POST", 12)
    answer = receiver.client.post("/", content_type=JSON)
    assert (answer.status_code, status_of(answer)) == (404, (5, "This is an OTLP receiver: POST /v1/traces."))


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1:4318", 200), ("localhost", 200), ("evil.example:4318", 400), ("127.0.0.1.evil", 400), ("[::1]", 400)],
)
def test_only_loopback_names_are_taken_for_ours(receiver: Receiver, host: str, status: int) -> None:
    """DNS rebinding: a web page that made its own name point at 127.0.0.1 cannot write spans."""
    assert receiver.post(b"", Host=host).status_code == status
    assert "Access-Control-Allow-Origin" not in receiver.post(b"").headers


def test_spans_arrive_over_a_socket_chunked_or_not(receiver: Receiver) -> None:
    server = make_server("127.0.0.1", 0, create_otlp_app(receiver.intake))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        for body in (sdk_body()[0], iter([b'{"resource', b'Spans": []}'])):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
            kind = PROTOBUF if isinstance(body, bytes) else JSON
            connection.request("POST", "/v1/traces", body, {"Content-Type": kind}, encode_chunked=kind == JSON)
            assert connection.getresponse().status == 200
            connection.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert receiver.counts == {"bodies_received": 2, "spans_received": 2, "spans_stored": 2}


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(st.data())
def test_damaged_bodies_never_crash_the_receiver(data: st.DataObject) -> None:
    """Cut and changed anywhere: 200 with what is left, or 400. Whatever is stored has valid ids and times."""
    body = bytearray(sdk_body()[0])
    for _ in range(data.draw(st.integers(1, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(1, len(body))) :]
    with tempfile.TemporaryDirectory() as folder:
        receiver = Receiver(Path(folder))
        answer = receiver.post(bytes(body))
        assert answer.status_code in (200, 400)
        counts = receiver.counts
        accounted = ("spans_stored", "spans_replaced", "spans_refused")
        assert counts.get("spans_received", 0) == sum(
            count for name, count in counts.items() if name.startswith(accounted)
        )


def test_numbers_without_a_word_in_json_are_spelled_as_otlp_spells_them(receiver: Receiver) -> None:
    body, trace_id = sdk_body()
    message = ExportTraceServiceRequest.FromString(body)
    one = message.resource_spans[0].scope_spans[0].spans[0]
    for key, number in (("a", math.inf), ("b", -math.inf), ("c", math.nan)):
        one.attributes.add(key=key).value.double_value = number
    receiver.post(message.SerializeToString())
    kept = next(span for span in receiver.trace(trace_id) if "a" in span.attributes)
    assert [kept.attributes[key] for key in "abc"] == ["Infinity", "-Infinity", "NaN"]
    assert replace(kept, attributes={}).service == "order"
