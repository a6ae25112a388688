"""
Texts with places for fields: ``%{[a][b]}``, ``%{+YYYY.MM.dd}``, ``%{{yyyy-MM-dd}}``, ``%{+%s}``.

Source: logstash-core's `StringInterpolation` (9.x). A field that is absent or null stays as written.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from clew.pipeline import java, joda
from clew.pipeline.event import Event, reader
from clew.pipeline.fields import MISSING, EventError, reference
from clew.pipeline.javatime import print_utc
from clew.pipeline.timestamp import Timestamp

Template = Callable[[Event], str]


@lru_cache(maxsize=4096)
def template(text: str) -> Template:
    """
    *text* as a function of an event. What is malformed (``%{[a}``, ``%{+UNIX}``) raises an EventError when called, as
    it does in Logstash.
    """
    parts = _parts(text)
    if all(isinstance(part, str) for part in parts):
        return lambda event: text
    if len(parts) == 1 and not isinstance(parts[0], str):
        return parts[0]
    prepared = [_constant(part) if isinstance(part, str) else part for part in parts]
    return lambda event: "".join([part(event) for part in prepared])


def _constant(text: str) -> Template:
    return lambda event: text


def _parts(text: str) -> list[str | Template]:
    parts: list[str | Template] = []
    at = 0
    opening = text.find("%{")
    while opening >= 0:
        closing = text.find("}", opening)
        if closing < 0:
            break
        if opening > at:
            parts.append(text[at:opening])
        inner = text[opening + 2 : closing]
        if inner.startswith("{") and text[closing + 1 : closing + 2] in ("}", ""):
            closing += 1
            parts.append(_java_time(inner[1:]) if closing < len(text) else _broken(text))
        else:
            parts.append(_place(inner))
        at = closing + 1
        opening = text.find("%{", at)
    if at < len(text):
        parts.append(text[at:])
    return parts


def _place(inner: str) -> Template:
    if "+%s".startswith(inner):
        return _epoch_seconds
    if inner.startswith("+"):
        return _joda(inner[1:])
    return _field(inner)


def _broken(text: str) -> Template:
    def fail(event: Event) -> str:
        raise EventError(f"'{text}' is not a valid format")

    return fail


def _epoch_seconds(event: Event) -> str:
    moment = event.timestamp
    return "" if moment is None else str(moment.ns // 1_000_000_000)


def _joda(pattern: str) -> Template:
    try:
        printed = joda.printer(pattern)
    except joda.PatternError:
        return _broken(f"%{{+{pattern}}}")

    def text(event: Event) -> str:
        moment = event.data.get("@timestamp")
        return printed(moment.ns // 1_000_000) if isinstance(moment, Timestamp) else ""

    return text


def _java_time(pattern: str) -> Template:
    def text(event: Event) -> str:
        moment = event.timestamp
        try:
            return "" if moment is None else print_utc(pattern, moment.ns)
        except joda.PatternError as wrong:
            raise EventError(str(wrong)) from wrong

    return text


def _field(name: str) -> Template:
    try:
        read = reader(reference(name))
    except EventError:
        return _broken(f"%{{{name}}}")
    literal = f"%{{{name}}}"

    def text(event: Event) -> str:
        value = read(event)
        if type(value) is str:
            return value
        if value is None or value is MISSING:
            return literal
        if isinstance(value, list):
            return java.joined(value)
        return java.to_json(value) if isinstance(value, dict) else java.text_of(value)

    return text
