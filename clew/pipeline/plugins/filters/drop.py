"""The filter `drop` (logstash-filter-drop 3.0): ends events."""

from __future__ import annotations

from collections.abc import Callable

from clew.pipeline.event import Event
from clew.pipeline.options import Option, Options
from clew.pipeline.plugin import Filter, FilterPlugin, Tools


def _build(options: Options, tools: Tools, matched: Callable[[Event], None]) -> Filter:
    percentage = options.number("percentage")

    def drop(event: Event) -> None:
        if percentage == 100 or tools.random() < percentage / 100:
            event.cancel()
        matched(event)

    return drop


PLUGIN = FilterPlugin("drop", (Option("percentage", "number", 100),), _build)
