"""
OTLP/HTTP's two spellings (opentelemetry.io, OTLP 1.x): bodies in, answers out, protobuf and JSON.

OTLP/JSON is protobuf's JSON but for the ids, which are hex.
"""

from __future__ import annotations

import base64
from typing import Any

import orjson
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_NO_ID = base64.b64encode(b"?").decode()  # one byte, which no id has: whoever checks it refuses the span


class MalformedBody(ValueError):
    """The body is not an ExportTraceServiceRequest; the message is one sentence."""


def read_request(body: bytes, media_type: str) -> ExportTraceServiceRequest:
    """
    *body* as `PROTOBUF` or `JSON`; fields nobody knows are ignored, as OTLP demands. :raises MalformedBody:
    """
    request = ExportTraceServiceRequest()
    if media_type == PROTOBUF:
        try:
            request.ParseFromString(body)
        except DecodeError as error:
            raise MalformedBody("The body is not a protobuf ExportTraceServiceRequest.") from error
        return request
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedBody(f"The body is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise MalformedBody("The body is JSON, but not an ExportTraceServiceRequest: it must be an object.")
    _hex_to_base64(document)
    try:
        ParseDict(document, request, ignore_unknown_fields=True)
    except (ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise MalformedBody(f"The body is JSON, but not an ExportTraceServiceRequest: {str(error)[:200]}.") from error
    return request


def success(media_type: str, *, rejected: int = 0, message: str = "") -> bytes:
    """
    An ExportTraceServiceResponse; with `partial_success` if spans were *rejected*.
    """
    if media_type == JSON:
        if not rejected:
            return b"{}"
        return orjson.dumps({"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": message}})
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.CopyFrom(ExportTracePartialSuccess(rejected_spans=rejected, error_message=message))
    return response.SerializeToString()


def failure(media_type: str, code: int, message: str) -> bytes:
    """
    A google.rpc.Status: *code* is one of google.rpc.Code. Written by hand, two fields are no reason for a package.
    """
    if media_type == JSON:
        return orjson.dumps({"code": code, "message": message})
    text = message.encode()
    return b"\x08" + _varint(code) + b"\x12" + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _hex_to_base64(document: dict[str, Any]) -> None:
    """Respell the ids in place. Whatever does not have the right shape is left to the parser, which says so."""
    for resource_spans in _objects(document.get("resourceSpans")):
        for scope_spans in _objects(resource_spans.get("scopeSpans")):
            for span in _objects(scope_spans.get("spans")):
                for holder in (span, *_objects(span.get("links"))):
                    for name in ("traceId", "spanId", "parentSpanId"):
                        if isinstance(holder.get(name), str):
                            holder[name] = _base64_of_hex(holder[name])


def _objects(items: object) -> list[dict[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _base64_of_hex(text: str) -> str:
    try:
        return base64.b64encode(bytes.fromhex(text)).decode()
    except ValueError:
        return _NO_ID
