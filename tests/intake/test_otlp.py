"""The OTLP receiver: what OpenTelemetry's own encoder sends, what the specification allows, and what it does not."""

from __future__ import annotations

import base64
import gzip
import http.client
import math
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from werkzeug.serving import make_server

from clew.intake.otlp import create_otlp_app
from clew.intake.otlp_spans import SpanLimits
from tests.intake.otlp_receiver import CHILD, JSON, PARENT, PROTOBUF, TRACE, Receiver, request, sdk_body, span


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
