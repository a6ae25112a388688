"""
The steps that events go through: filters, conditions, outputs.

A step takes the events that one line has led to so far and gives those that go on. What ends goes into the journey's
list of drops.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from clew.pipeline.conditions import Condition, ConditionError
from clew.pipeline.document import document_body, moment_ns
from clew.pipeline.event import Event
from clew.pipeline.fields import EventError
from clew.pipeline.model import DROP_FILTER, OUTPUT_ERROR, Document, Drop, StageCount
from clew.pipeline.plugin import BuiltOutput, Filter

CONDITION: Final = "condition"


class Journey:
    """What one line has led to."""

    __slots__ = ("documents", "drops")

    def __init__(self) -> None:
        self.documents: list[Document] = []
        self.drops: list[Drop] = []


Step = Callable[[list[Event], Journey], "list[Event]"]


class Counter:
    """Counts of one stage. Changed by the thread that feeds the pipeline; others may read it, if not exactly."""

    __slots__ = ("dropped", "emitted", "errors", "id", "kind", "line", "plugin", "received")

    def __init__(self, stage_id: str, kind: str, plugin: str, line: int) -> None:
        self.id = stage_id
        self.kind = kind
        self.plugin = plugin
        self.line = line
        self.received = 0
        self.emitted = 0
        self.errors = 0
        self.dropped: dict[str, int] = {}

    def drop(self, reason: str, journey: Journey) -> None:
        self.dropped[reason] = self.dropped.get(reason, 0) + 1
        journey.drops.append(Drop(reason, self.id))

    def snapshot(self) -> StageCount:
        return StageCount(
            self.id, self.kind, self.plugin, self.line, self.received, self.emitted, self.errors, dict(self.dropped)
        )


def run(steps: Sequence[Step], events: list[Event], journey: Journey) -> list[Event]:
    for step in steps:
        if not events:
            break
        events = step(events, journey)
    return events


def filter_step(apply: Filter, counter: Counter) -> Step:
    """
    An exception that would stop the real engine (EventError) leaves the event as it is, tagged
    ``_<plugin>_exception``; data that nests too deeply for Python counts as such.
    """
    tag = f"_{counter.plugin}_exception"

    def step(events: list[Event], journey: Journey) -> list[Event]:
        left: list[Event] = []
        for event in events:
            counter.received += 1
            try:
                instead = apply(event)
            except (EventError, RecursionError):
                counter.errors += 1
                event.tag(tag)
                instead = None
            if instead is not None:
                left.extend(instead)
            elif event.cancelled:
                counter.drop(DROP_FILTER, journey)
            else:
                left.append(event)
        counter.emitted += len(left)
        return left

    return step


def branch_step(condition: Condition, then: Sequence[Step], otherwise: Sequence[Step], counter: Counter) -> Step:
    """Events for which *condition* holds go first, as in Logstash; those it has no answer for are dropped."""

    def step(events: list[Event], journey: Journey) -> list[Event]:
        chosen: list[Event] = []
        others: list[Event] = []
        for event in events:
            counter.received += 1
            try:
                (chosen if condition(event) else others).append(event)
            except ConditionError as unanswered:
                counter.drop(unanswered.reason, journey)
        counter.emitted += len(chosen) + len(others)
        if not chosen:
            return run(otherwise, others, journey)
        chosen = run(then, chosen, journey)
        return chosen + run(otherwise, others, journey) if others else chosen

    return step


def output_step(output: BuiltOutput, new_id: Callable[[], str], now_ns: Callable[[], int], counter: Counter) -> Step:
    """Makes a document of each event and lets the event pass: other outputs get it, too."""
    output_id = output.description.id
    index_of, id_of = output.index, output.document_id

    def step(events: list[Event], journey: Journey) -> list[Event]:
        for event in events:
            counter.received += 1
            try:
                index = index_of(event)
                document_id = new_id() if id_of is None else id_of(event)
                body = document_body(event)
            except (EventError, RecursionError):
                index = ""
            if not index or "%{" in index:
                counter.drop(OUTPUT_ERROR, journey)
                continue
            counter.emitted += 1
            journey.documents.append(Document(output_id, index, document_id, moment_ns(event, now_ns), body))
        return events

    return step
