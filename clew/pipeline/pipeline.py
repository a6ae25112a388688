"""A compiled pipeline: lines in, documents and reasons out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clew.pipeline.event import Event
from clew.pipeline.fields import EventError
from clew.pipeline.model import (
    EMPTY_LINE,
    NO_OUTPUT,
    ElasticsearchOutput,
    FileInput,
    Outcome,
    RawLine,
    StageCount,
)
from clew.pipeline.plugin import Decode, Decorate
from clew.pipeline.stages import Counter, Journey, Step, run


@dataclass(frozen=True, slots=True)
class Source:
    """An input, ready: what it reads, how a line is decoded, what it adds."""

    description: FileInput
    decode: Decode
    decorate: Decorate
    counter: Counter


class Pipeline:
    """
    Made by `compile_pipeline`. Nothing here does I/O, and no line makes it raise.

    One thread at a time may feed it. `counters` may be read from any thread.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        filters: Sequence[Step],
        outputs: Sequence[Step],
        descriptions: Sequence[ElasticsearchOutput],
        counters: Sequence[Counter],
        clock_ns: Callable[[], int],
    ) -> None:
        self._sources = {source.description.id: source for source in sources}
        self._filters = tuple(filters)
        self._outputs = tuple(outputs)
        self._end = Counter("end", "output", "none", 0)
        self._counters = (*counters, self._end)
        self._clock_ns = clock_ns
        self.inputs: tuple[FileInput, ...] = tuple(source.description for source in sources)
        self.outputs: tuple[ElasticsearchOutput, ...] = tuple(descriptions)

    @property
    def counters(self) -> tuple[StageCount, ...]:
        """
        What each plugin and condition has done so far, in the order of the file; last, as ``end``, the events that no
        output took. Plain data.
        """
        return tuple(counter.snapshot() for counter in self._counters)

    def feed(self, source: FileInput, lines: Iterable[RawLine]) -> list[Outcome]:
        """
        What became of each of *lines*, in their order.

        :param source: one of `inputs`.
        """
        ready = self._sources[source.id]
        return [self._outcome(ready, line) for line in lines]

    def process(self, events: Iterable[Event]) -> list[Event]:
        """The events that are left after the filters, in order: for tests of filters. Counted, as fed lines are."""
        return [left for event in events for left in run(self._filters, [event], Journey())]

    def new_event(self, data: dict[str, object]) -> Event:
        """An event of *data*, which becomes its own. :raises EventError: ``@metadata`` is not a hash."""
        return Event(data, self._clock_ns())

    def _outcome(self, source: Source, line: RawLine) -> Outcome:
        counter = source.counter
        journey = Journey()
        counter.received += 1
        events = source.decode(line.text)
        if not events:
            counter.drop(EMPTY_LINE, journey)
            return Outcome((), tuple(journey.drops))
        for event in events:
            try:
                source.decorate(event, line)
            except EventError:
                counter.errors += 1
                event.tag(f"_{counter.plugin}_exception")
        counter.emitted += len(events)
        for event in run(self._filters, events, journey) if len(events) == 1 else self._each(events, journey):
            self._deliver(event, journey)
        return Outcome(tuple(journey.documents), tuple(journey.drops))

    def _each(self, events: list[Event], journey: Journey) -> list[Event]:
        """Several events of one line go one after the other, as they do with `pipeline.ordered`."""
        return [left for event in events for left in run(self._filters, [event], journey)]

    def _deliver(self, event: Event, journey: Journey) -> None:
        before = len(journey.documents) + len(journey.drops)
        for step in self._outputs:
            step([event], journey)
        if len(journey.documents) + len(journey.drops) == before:
            self._end.drop(NO_OUTPUT, journey)
