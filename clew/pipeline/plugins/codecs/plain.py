"""The codec `plain` (logstash-codec-plain 3.1): the line is the `message`."""

from __future__ import annotations

from clew.pipeline.event import Event
from clew.pipeline.options import Option, Options
from clew.pipeline.plugin import Decode, Plugin, Tools
from clew.pipeline.plugins.codecs.charset import converter
from clew.pipeline.plugins.common import ecs_mode


def _build(options: Options, tools: Tools) -> Decode:
    convert = converter(options)
    keeps_original = ecs_mode(options, tools.ecs)

    def decode(line: str | bytes) -> list[Event]:
        text, _ = convert(line)
        data: dict[str, object] = {"message": text}
        if keeps_original:
            data["event"] = {"original": text}
        return [Event(data, tools.clock_ns())]

    return decode


PLUGIN: Plugin[Decode] = Plugin("plain", (Option("charset", default="UTF-8"),), _build)
