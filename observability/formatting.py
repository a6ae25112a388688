"""
One log line: ECS names, nested, ``@timestamp`` first (`log-line.schema.json`).

Application lines go through python-json-logger, which knows exceptions, stacks and ``extra=``; access lines are built
from the request's record. Both end in `LineWriter.line`, behind which nothing changes a line any more: redaction is
the last thing that happens to it.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
from bisect import bisect_right
from collections.abc import Mapping
from math import isfinite
from typing import Any

import orjson
from opentelemetry import trace
from pythonjsonlogger.core import RESERVED_ATTRS, BaseJsonFormatter, merge_record_extra

from observability.context import active_request
from observability.record import RequestRecord
from observability.redaction import NONE, Redactor, Secrets
from observability.signals import access_level, access_line, access_message, rfc3339
from observability.spans import text_of, type_name

ECS_VERSION = "9.4.0"
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_NAMES = sorted((number, name) for name, number in LEVELS.items())
_OWN = ("telemetry_event", "telemetry_fields")
_RESERVED = {*RESERVED_ATTRS, *_OWN, "message", "taskName"}
_PLACES = {"order_id": ("order", "id"), "user_id": ("user", "id")}


class LineWriter:
    """
    Composes the lines of one process and numbers them: ``event.sequence`` counts every line it makes, without gaps.
    """

    def __init__(self, *, service: str, version: str, environment: str, instance: str, redactor: Redactor) -> None:
        self._service = {"name": service, "version": version, "environment": environment, "node": {"name": instance}}
        self._instance = instance
        self._redactor = redactor
        self._numbers = itertools.count(1)
        self._process = {"pid": os.getpid()}

    def number(self) -> int:
        return next(self._numbers)

    def line(
        self, *, unix_ns: int, level: str, logger: str, message: str, trace_id: str, span_id: str,
        fields: Mapping[str, Any], sequence: int = 0, secrets: Secrets = NONE,
    ) -> bytes:
        """
        One line without its newline. What cannot be written as JSON is written as its text.

        :param sequence: its number; 0 takes the next one.
        """
        # Nothing is cut before this: a secret across the cut would survive in half. The redactor bounds every text.
        told: dict[str, Any] = self._redactor.document({"message": message, **fields}, secrets)
        if "message" in told.get("error", ()):
            told["error"]["message"] = one_line(told["error"]["message"])
        sequence = sequence or self.number()  # now that nothing goes wrong any more: a number without a line is a gap
        event = {"id": f"{self._instance}-{sequence}", "sequence": sequence, **told.pop("event", {})}
        document: dict[str, Any] = {
            "@timestamp": rfc3339(unix_ns),
            "log": {"level": level, "logger": logger},
            "message": one_line(told.pop("message")),
            "ecs": {"version": ECS_VERSION},
            "service": self._service,
            "process": self._process,
            "event": event,
        }
        if trace_id:
            document["trace"] = {"id": trace_id}
            document["span"] = {"id": span_id}
        document.update(told)
        return encode(document)

    def access(self, record: RequestRecord) -> bytes:
        context = record.context
        return self.line(
            unix_ns=record.end_ns,
            level=access_level(record),
            logger=record.app,
            message=access_message(record),
            sequence=record.sequence,
            trace_id=format(context.trace_id, "032x"),
            span_id=format(context.span_id, "016x"),
            fields=access_line(record),
            secrets=record.secrets,
        )


class LineFormatter(BaseJsonFormatter):
    """
    ``logging`` records as lines. Fields given with ``extra=`` appear under ``labels``, ``order_id`` and ``user_id`` in
    their own place.
    """

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def format(self, record: logging.LogRecord) -> str:
        try:
            return super().format(record)
        except Exception as error:  # noqa: BLE001 (arguments that do not fit, a __str__ that raises: the line is kept)
            spoilt = logging.makeLogRecord({**record.__dict__, "args": None, "exc_info": None, "exc_text": None})
            spoilt.msg = f"{text_of(record.msg)} (its arguments could not be formatted: {type(error).__name__})"
            return super().format(spoilt)

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        extra: dict[str, Any] = {key: value for key, value in message_dict.items() if key not in _RESERVED}
        merge_record_extra(record, extra, reserved=_RESERVED)
        log_data["fields"] = self._fields(record, extra, message_dict)
        log_data["message"] = text_of(message_dict.get("message") or record.message)
        log_data["record"] = record

    def _fields(self, record: logging.LogRecord, extra: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        action = getattr(record, "telemetry_event", "") or implied_event(record)
        if action:
            fields["event"] = {"action": action}
        for key, value in (getattr(record, "telemetry_fields", None) or {}).items():
            extra[key] = value
        labels: dict[str, Any] = {}
        for key, value in extra.items():
            if value is None:
                continue
            if key in _PLACES:
                outer, inner = _PLACES[key]
                fields.setdefault(outer, {})[inner] = text_of(value)
            else:
                labels[text_of(key).replace(".", "_")] = label(value)
        if labels:
            fields["labels"] = labels
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            fields["error"] = {
                "type": type_name(error),
                "message": text_of(error),
                "stack_trace": str(told.get("exc_info", "")),
            }
        elif told.get("exc_info") or record.stack_info:
            fields["error"] = {"stack_trace": str(told.get("exc_info") or record.stack_info)}
        return fields

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        record: logging.LogRecord = log_data["record"]
        active = active_request()
        span = trace.get_current_span().get_span_context()
        if active is not None and span.trace_id != active.span.own_context.trace_id:
            span = active.span.own_context  # a trace that the view began on its own is not the request's
        return self._writer.line(
            unix_ns=int(record.created * 1_000_000_000),
            level=level_name(record.levelno),
            logger=record.name,
            message=log_data["message"],
            trace_id=format(span.trace_id, "032x") if span.is_valid else "",
            span_id=format(span.span_id, "016x") if span.is_valid else "",
            fields=log_data["fields"],
            secrets=active.secrets if active else NONE,
        ).decode("utf-8")


def level_name(number: int) -> str:
    """
    The level of a line; a level of somebody's own counts as the next one below it.
    """
    return _NAMES[max(0, bisect_right(_NAMES, (number, "~")) - 1)][1]


def implied_event(record: logging.LogRecord) -> str:
    """
    The event behind a line that a library wrote: Flask's own line about an exception, Python's about a warning.
    """
    active = active_request()
    if active is not None and record.exc_info and record.exc_info[1] is active.crash:
        return "request.crashed"
    return "warning.raised" if record.name == "py.warnings" else ""


def one_line(text: str) -> str:
    """
    A message is one line: control characters become visible.
    """
    if text.isprintable():
        return text
    text = text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\r").replace("\t", " ")
    return "".join(char if char.isprintable() or ord(char) > 159 else f"\\x{ord(char):02x}" for char in text)


def label(value: object) -> str | int | float | bool:
    """
    A value of a label: a scalar that JSON knows as it is, others as their JSON text or their own.
    """
    if isinstance(value, str | bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=text_of)
    except (TypeError, ValueError, RecursionError):
        return text_of(value)


def encode(document: Mapping[str, Any]) -> bytes:
    """
    JSON in UTF-8. Integers over 64 bits and lone surrogates, which orjson refuses, take the standard library's way.
    """
    try:
        return orjson.dumps(document)
    except TypeError:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str)
        return text.encode("utf-8", "replace")
