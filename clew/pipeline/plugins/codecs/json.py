"""
The codec `json` (logstash-codec-json 3.1): one event per object, or per element of a list of objects.

What is no such thing becomes an event with the text as `message`, tagged ``_jsonparsefailure``. In ECS mode a single
event keeps its text in ``[event][original]``.
"""

from __future__ import annotations

from clew.pipeline.event import Event
from clew.pipeline.fields import EventError, reference
from clew.pipeline.jsontext import JsonError, first_value
from clew.pipeline.options import Option, Options
from clew.pipeline.plugin import Decode, Plugin, Tools
from clew.pipeline.plugins.codecs.charset import converter
from clew.pipeline.plugins.common import ecs_mode

FAILURE_TAG = "_jsonparsefailure"
ORIGINAL = reference("[event][original]")
# what Java's Character.isWhitespace says of ASCII and of Unicode's separators, the non-breaking ones not among them
_BLANKS = "\t\n\v\f\r\x1c\x1d\x1e\x1f \u1680\u2028\u2029\u205f\u3000" + "".join(
    chr(code) for code in range(0x2000, 0x200B) if code != 0x2007
)


def _build(options: Options, tools: Tools) -> Decode:
    convert = converter(options)
    target = reference(options.text("target")) if options.text("target") else None
    keeps_original = ecs_mode(options, tools.ecs)

    def new_event(value: object) -> Event:
        if not isinstance(value, dict):
            raise EventError("only a hash can become an event")
        if target is None:
            return Event(value, tools.clock_ns())
        event = Event({}, tools.clock_ns())
        event.set(target, value)
        return event

    def parse(text: str, raw: bytes) -> list[Event]:
        if not text.strip(_BLANKS):
            return []
        value = first_value(raw)
        events = [new_event(item) for item in (value if isinstance(value, list) else [value])]
        if keeps_original and len(events) == 1 and not events[0].includes(ORIGINAL):
            events[0].set(ORIGINAL, text)
        return events

    def decode(line: str | bytes) -> list[Event]:
        text, raw = convert(line)
        try:
            return parse(text, raw)
        except (JsonError, EventError):
            return [Event({"message": text, "tags": [FAILURE_TAG]}, tools.clock_ns())]

    return decode


PLUGIN: Plugin[Decode] = Plugin(
    "json", (Option("charset", default="UTF-8"), Option("target", "field", "")), _build
)
