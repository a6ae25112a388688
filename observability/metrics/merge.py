"""
Many files' series as one: counters and histograms add up, gauges by their rule, the newest exemplar wins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from observability.metrics.layout import Definition, Slot
from observability.metrics.reading import Contents, Reading

Identity = tuple[str, str, tuple[str, ...]]
"""Kind, name and label names: what two processes must agree on for their series to be added."""

LEDGER = {
    "telemetry_emitted_total": Definition(
        "counter",
        "telemetry_instance_emitted_total",
        "Log lines and spans that were made, by process; the newest instances only",
        ("signal", "service_instance_id"),
    ),
    "telemetry_dropped_total": Definition(
        "counter",
        "telemetry_instance_dropped_total",
        "Log lines, spans and metric updates that were given up, by process; the newest instances only",
        ("signal", "service_instance_id"),
    ),
}
"""For these counters, a second one per process: emitted = stored + dropped has to hold for each of them."""


@dataclass(slots=True)
class Tally:
    """
    One merged series, see `Reading`. A gauge that is merged by maximum has one part.
    """

    parts: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    exemplars: list[Slot | None] = field(default_factory=list)


@dataclass(slots=True)
class Family:
    definition: Definition
    series: dict[tuple[str, ...], Tally] = field(default_factory=dict)

    def tally(self, values: tuple[str, ...]) -> Tally:
        """The series with these label values; a new one is zero."""
        tally = self.series.get(values)
        if tally is None:
            tally = self.series[values] = Tally()
            if self.definition.kind == "histogram":
                buckets = len(self.definition.buckets) + 1
                tally.counts, tally.exemplars = [0] * buckets, [None] * buckets
        return tally

    def add(self, reading: Reading) -> None:
        tally = self.tally(reading.values)
        if reading.definition.kind == "gauge" and self.definition.merge == "max":
            tally.parts = [max(*tally.parts, *reading.parts)] if tally.parts else list(reading.parts)
            return
        tally.parts.extend(part for part in reading.parts if part)
        for bucket, count in enumerate(reading.counts):
            if count:
                here = self._bucket(reading.definition, bucket)
                tally.counts[here] += count
                tally.exemplars[here] = newest(tally.exemplars[here], reading.exemplars[bucket])

    def _bucket(self, other: Definition, bucket: int) -> int:
        """
        Where a bucket of *other* belongs. Buckets may change from one release to the next: an observation then counts
        in the narrowest bucket that is sure to hold it, so that count and sum never step back.
        """
        if other.buckets == self.definition.buckets or bucket == len(other.buckets):
            return bucket if other.buckets == self.definition.buckets else len(self.definition.buckets)
        return bisect_left(self.definition.buckets, other.buckets[bucket])


def newest(one: Slot | None, other: Slot | None) -> Slot | None:
    if one is None or other is None:
        return one or other
    return other if other.timestamp > one.timestamp else one


def merge(contents: Iterable[Contents], known: Iterable[Definition] = ()) -> dict[Identity, Family]:
    """
    :param contents: whose definition comes first names help and buckets, so put the newest first.
    :param known: definitions that come before all of them.
    """
    families = {identity(definition): Family(definition) for definition in known}
    for content in contents:
        for reading in (*content.series, *ledger(content)):
            if reading.definition.kind == "gauge" and not content.live:
                continue
            key = identity(reading.definition)
            family = families.get(key)
            if family is None:
                family = families[key] = Family(reading.definition)
            family.add(reading)
    return families


def ledger(content: Contents) -> Iterable[Reading]:
    """
    The accounts of one process, as series of their own. The retired file has its processes' accounts already.
    """
    if content.note:
        return
    for reading in content.series:
        definition = LEDGER.get(reading.definition.name)
        if definition is not None and "signal" in reading.definition.labels:
            signal = reading.values[reading.definition.labels.index("signal")]
            yield Reading(definition, (signal, content.instance), reading.parts)


def identity(definition: Definition) -> Identity:
    return definition.kind, definition.name, definition.labels
