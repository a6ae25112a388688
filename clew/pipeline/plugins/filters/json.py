"""The filter `json` (logstash-filter-json 3.2): the JSON in a field becomes fields."""

from __future__ import annotations

from collections.abc import Callable

from clew.pipeline import ruby
from clew.pipeline.event import TIMESTAMP_FAILURE_TAG, Event
from clew.pipeline.fields import EventError, reference
from clew.pipeline.jsontext import NO_VALUE, JsonError, last_value
from clew.pipeline.options import Option, Options
from clew.pipeline.plugin import Filter, FilterPlugin, Tools
from clew.pipeline.timestamp import Timestamp


def _build(options: Options, tools: Tools, matched: Callable[[Event], None]) -> Filter:
    source = reference(options.text("source"))
    target = reference(options.text("target")) if options.text("target") else None
    tags = options.texts("tag_on_failure")
    skip = options.flag("skip_on_invalid_json")

    def fail(event: Event) -> None:
        for tag in tags:
            event.tag(tag)

    def unpack(event: Event, parsed: dict[str, object]) -> None:
        given = parsed.pop("@timestamp", None)
        for key, value in parsed.items():
            event.set(reference(key), value)
        if given is None or given is False:
            return
        moment = _moment(given)
        event.data["@timestamp"] = moment or Timestamp(tools.clock_ns())
        if moment is None:
            event.tag(TIMESTAMP_FAILURE_TAG)
            event.data["_@timestamp"] = ruby.text_of(given)

    def apply(event: Event) -> None:
        text = event.value(source)
        if text is None or text is False:
            return
        try:
            parsed = last_value(text) if isinstance(text, str) else _no_text(text)
        except JsonError:
            if not skip:
                fail(event)
            return
        try:
            if target is not None:
                event.set(target, None if parsed is NO_VALUE else parsed)
            elif isinstance(parsed, dict):
                unpack(event, parsed)
            else:
                fail(event)
                return
            matched(event)
        except EventError:
            fail(event)

    return apply


def _no_text(value: object) -> object:
    raise JsonError(f"{type(value).__name__} is no JSON text")


def _moment(given: object) -> Timestamp | None:
    if not isinstance(given, str):
        return None
    try:
        return Timestamp.parse(given)
    except ValueError:
        return None


PLUGIN = FilterPlugin(
    "json",
    (
        Option("source", required=True),
        Option("target", "field", ""),
        Option("tag_on_failure", "list", ["_jsonparsefailure"]),
        Option("skip_on_invalid_json", "boolean", False),
    ),
    _build,
)
