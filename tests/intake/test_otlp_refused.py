"""What the OTLP receiver does not take: it says why, keeps it aside and counts it."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from tests.intake.otlp_receiver import CHILD, JSON, PROTOBUF, Receiver, request, sdk_body, span


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
