"""An event as the JSON document that an output indexes."""

from __future__ import annotations

import math
from collections.abc import Callable

from clew.pipeline import java
from clew.pipeline.event import Event
from clew.pipeline.timestamp import Timestamp


def document_body(event: Event) -> dict[str, object]:
    """
    All fields but ``@metadata``; shares what needs no change with the event. Moments are RFC 3339 text; floats that
    JSON has no number for are texts ("Infinity"), as in Logstash's JSON.
    """
    body = dict(event.data)
    for key, value in event.data.items():
        kind = type(value)
        if kind is not str and kind is not int and not _is_plain(value):
            body[key] = _jsonable(value)
    return body


def moment_ns(event: Event, now_ns: Callable[[], int]) -> int:
    """The event's moment; now, if its ``@timestamp`` was removed."""
    moment = event.timestamp
    return now_ns() if moment is None else moment.ns


def _is_plain(value: object) -> bool:
    """Whether JSON can say it as it is."""
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            kind = type(item)
            if kind is not str and kind is not int and not _is_plain(item):
                return False
        return True
    return not isinstance(value, Timestamp) and (not isinstance(value, float) or math.isfinite(value))


def _jsonable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_jsonable(item) for item in value]
    if isinstance(value, Timestamp):
        return str(value)
    return java.double(value) if isinstance(value, float) and not math.isfinite(value) else value
