"""
One series of an instrument in this process: where updates are written.

An update takes the process's lock, loads a lane, adds, and stores it. A series knows its lanes only while this process
has a store; after a fork or a close it does not, and the next update asks `Home.open` for one first.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Set
from typing import NamedTuple, Protocol

from observability.metrics.lanes import Segment
from observability.metrics.layout import (
    CANDIDATE,
    CONFIRMED,
    LATEST,
    SLOT_SIZE,
    SLOTS_PER_BUCKET,
    SUM_LANES,
    Definition,
    pack_slot,
    slot_ids,
)

_IDS_SIZE = 24


class Exemplar(NamedTuple):
    """
    The request behind an observation. A named tuple because one is made in every request: a frozen dataclass takes
    three times as long.

    :ivar trace_id: 32 hex digits.
    :ivar span_id: 16 hex digits.
    :ivar timestamp: the span's end, seconds since the epoch.
    """

    trace_id: str
    span_id: str
    timestamp: float


class Home(Protocol):
    """
    What a series needs of its `Store`.
    """

    lock: threading.RLock
    exported_until: float
    count_redirected: Callable[[], None]
    """Called for an update of a series beyond the limit."""
    count_refused: Callable[[], None]
    """Called for an exemplar whose ids are not hex digits of the right number."""

    def open(self) -> None:
        """Make sure that this process has a store. Not to be called with the lock held."""

    def place(self, definition: Definition, values: tuple[str, ...]) -> tuple[Segment, int]:
        """A body of zeros in the store that `open` made. With the lock held."""

    def speak(self) -> None:
        """Warn of what went wrong in `place`. Without the lock."""

    def adopt(self, series: Series) -> None:
        """Export a new series as zero, as soon as this process has a store. With the lock held."""



class Series:
    """
    :ivar values: of the labels, in the definition's order.
    """

    __slots__ = ("_home", "_index", "_lanes", "_lock", "definition", "values")

    def __init__(self, home: Home, definition: Definition, values: tuple[str, ...]) -> None:
        self._home = home
        self._lock = home.lock
        self._lanes: memoryview[float] | None = None
        self._index = 0
        self.definition = definition
        self.values = values

    def bind(self) -> None:
        """
        Take a place in this process's store, with the lock held. A reader sees the series from now on.
        """
        segment, body = self._home.place(self.definition, self.values)
        self._take(segment, body)

    def _take(self, segment: Segment, body: int) -> None:
        self._lanes, self._index = segment.floats, body // 8

    def unbind(self, lock: threading.RLock) -> None:
        """
        Forget the store; *lock* guards the next one.
        """
        self._lock = lock
        self._lanes = None

    def _bind_first(self) -> None:
        """Without the lock: the home may call foreign code for the instance's id, which may count and log."""
        self._home.open()
        with self._lock:
            if self._lanes is None:
                self.bind()
        self._home.speak()


class CounterSeries(Series):
    __slots__ = ()

    def inc(self, amount: float = 1.0) -> None:
        """
        Count. ValueError if *amount* is negative or not a number.
        """
        if not amount >= 0.0:
            raise ValueError(f"{self.definition.name}: a counter only goes up, it cannot be increased by {amount}.")
        while True:
            with self._lock:
                if self._lanes is not None:
                    self._lanes[self._index] += amount
                    return
            self._bind_first()


class GaugeSeries(Series):
    __slots__ = ()

    def set(self, value: float) -> None:
        while True:
            with self._lock:
                if self._lanes is not None:
                    self._lanes[self._index] = value
                    return
            self._bind_first()

    def inc(self, amount: float = 1.0) -> None:
        while True:
            with self._lock:
                if self._lanes is not None:
                    self._lanes[self._index] += amount
                    return
            self._bind_first()

    def dec(self, amount: float = 1.0) -> None:
        self.inc(-amount)


class HistogramSeries(Series):
    __slots__ = ("_bounds", "_candidates", "_counts", "_raw", "_slots")

    def __init__(self, home: Home, definition: Definition, values: tuple[str, ...]) -> None:
        super().__init__(home, definition, values)
        self._bounds = definition.buckets

    def _take(self, segment: Segment, body: int) -> None:
        super()._take(segment, body)
        self._counts, self._raw = segment.counts, segment.raw
        self._slots = body + self.definition.lanes * 8
        self._candidates = [0.0] * (len(self._bounds) + 1)

    def observe(self, value: float, exemplar: Exemplar | None = None) -> bool:
        """
        Count *value* in its bucket. ValueError if it is not a number; an exemplar with broken ids is left out.

        True: *exemplar* is the first one of its bucket. Until its span was delivered the bucket has no other, so it
        should be sent soon.
        """
        if value != value:
            raise ValueError(f"{self.definition.name}: NaN is in no bucket.")
        bucket = bisect_left(self._bounds, value)
        slot = None if exemplar is None else self._slot(value, exemplar)
        while True:
            with self._lock:
                if self._lanes is not None:
                    self._counts[self._index + SUM_LANES + bucket] += 1
                    self._lanes[self._index] += value
                    return exemplar is not None and slot is not None and self._keep(bucket, slot, exemplar.timestamp)
            self._bind_first()

    def _slot(self, value: float, exemplar: Exemplar) -> bytes | None:
        try:
            ids = bytes.fromhex(exemplar.trace_id + exemplar.span_id)
        except ValueError:
            ids = b""
        if len(ids) != _IDS_SIZE:
            self._home.count_refused()
            return None
        return pack_slot(ids, value, exemplar.timestamp)

    def _keep(self, bucket: int, slot: bytes, timestamp: float) -> bool:
        """
        The latest is what a live process shows. A candidate stays until its span was delivered and then becomes the
        confirmed one, so that a bucket that is hit more often than spans are delivered has a confirmed one, too.
        """
        raw, at = self._raw, self._slots + bucket * SLOTS_PER_BUCKET * SLOT_SIZE
        latest, candidate, confirmed = at + LATEST * SLOT_SIZE, at + CANDIDATE * SLOT_SIZE, at + CONFIRMED * SLOT_SIZE
        raw[latest : latest + SLOT_SIZE] = slot
        waiting = self._candidates[bucket]
        if waiting <= self._home.exported_until:
            if waiting:
                raw[confirmed : confirmed + SLOT_SIZE] = raw[candidate : candidate + SLOT_SIZE]
            raw[candidate : candidate + SLOT_SIZE] = slot
            self._candidates[bucket] = timestamp
        return not waiting

    def forget(self, ids: Set[bytes]) -> None:
        """
        Take back the exemplars with these ids, with the lock held.
        """
        if self._lanes is None:
            return
        for bucket in range(len(self._candidates)):
            for which in (CANDIDATE, LATEST):
                at = self._slots + (bucket * SLOTS_PER_BUCKET + which) * SLOT_SIZE
                if slot_ids(self._raw[at : at + SLOT_SIZE]) in ids:
                    self._raw[at : at + SLOT_SIZE] = bytes(SLOT_SIZE)
                    if which == CANDIDATE:
                        self._candidates[bucket] = 0.0


class OverflowCounter(CounterSeries):
    """
    The series ``_OTHER`` of a counter that has too many; it counts what came here instead of elsewhere.
    """

    __slots__ = ()

    def inc(self, amount: float = 1.0) -> None:
        self._home.count_redirected()
        super().inc(amount)


class OverflowGauge(GaugeSeries):
    __slots__ = ()

    def set(self, value: float) -> None:
        self._home.count_redirected()
        super().set(value)

    def inc(self, amount: float = 1.0) -> None:
        self._home.count_redirected()
        super().inc(amount)


class OverflowHistogram(HistogramSeries):
    __slots__ = ()

    def observe(self, value: float, exemplar: Exemplar | None = None) -> bool:
        self._home.count_redirected()
        return super().observe(value, exemplar)
