"""
What came back, counted: by journey and step, in bounded memory. Safe in many threads.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from clew.load.journeys import Answer, Ask
from clew.load.latencies import Latencies

LIMITED = 429
_MOST_SURPRISES = 100
_WINDOW_S = 5.0


@dataclass(frozen=True, slots=True)
class Surprise:
    """
    An answer that the journey did not expect. *status* 0: there was none. *request_id* and *trace_id* can be followed.
    """

    at_s: float
    journey: str
    step: str
    request: str
    status: int
    expected: int
    trace_id: str
    request_id: str
    detail: str


@dataclass(slots=True)
class Step:
    """One step of one journey."""

    latencies: Latencies = field(default_factory=Latencies)
    statuses: Counter[int] = field(default_factory=Counter)
    unexpected: int = 0


@dataclass(frozen=True, slots=True)
class Glance:
    """
    How it stands. *latency_ms* is of the last 5 to 10 s, *rate* of requests per second too.

    :param journeys: name -> status -> count.
    """

    took_s: float
    requests: int
    rate: float
    in_flight: int
    unexpected: int
    latency_ms: Mapping[str, float]
    journeys: Mapping[str, Mapping[int, int]]


class Tally:
    """
    :ivar skipped: arrivals that were not begun because too many waited already.
    :ivar unfinished: journeys that were under way or waited when the run ended.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.steps: dict[tuple[str, str], Step] = {}
        self.surprises: list[Surprise] = []
        self.unexpected = 0
        self.limited = 0
        self.degraded = 0
        self.skipped = 0
        self.unfinished = 0
        self.began = clock()
        self._clock = clock
        self._lock = threading.Lock()
        self._closed = False
        self._windows = [(self.began, Latencies()), (self.began, Latencies())]

    def add(self, journey: str, ask: Ask, answer: Answer, *, latency_s: float, request_id: str) -> None:
        """One answer, or that there was none. After `close` it comes too late to count."""
        with self._lock:
            if self._closed:
                return
            step = self.steps.setdefault((journey, ask.step), Step())
            step.latencies.add(latency_s)
            step.statuses[answer.status] += 1
            self._window().add(latency_s)
            self.degraded += bool(answer.body.get("degraded"))
            if answer.status == LIMITED:
                self.limited += 1
            elif answer.status != ask.expect:
                step.unexpected += 1
                self.unexpected += 1
                if len(self.surprises) < _MOST_SURPRISES:
                    self.surprises.append(Surprise(
                        at_s=round(self._clock() - self.began, 3), journey=journey, step=ask.step,
                        request=f"{ask.method} {ask.path}", status=answer.status, expected=ask.expect,
                        trace_id=answer.trace_id, request_id=request_id,
                        detail=answer.error or answer.text("detail"),
                    ))

    def close(self, *, unfinished: int) -> None:
        """The run is over; what is counted now stays as it is."""
        with self._lock:
            self._closed = True
            self.unfinished = unfinished

    def overall(self) -> Latencies:
        """Of all requests."""
        with self._lock:
            return _merged(step.latencies for step in self.steps.values())

    def glance(self, in_flight: int) -> Glance:
        with self._lock:
            now = self._clock()
            self._window()
            recent = _merged(latencies for _, latencies in self._windows)
            journeys: dict[str, Counter[int]] = {}
            for (journey, _), step in self.steps.items():
                journeys.setdefault(journey, Counter()).update(step.statuses)
            return Glance(
                took_s=now - self.began,
                requests=sum(step.latencies.count for step in self.steps.values()),
                rate=recent.count / max(now - self._windows[0][0], 0.001),
                in_flight=in_flight,
                unexpected=self.unexpected,
                latency_ms=recent.in_ms(),
                journeys=journeys,
            )

    def _window(self) -> Latencies:
        now = self._clock()
        began, latencies = self._windows[1]
        if now - began >= _WINDOW_S:
            self._windows = [(began, latencies), (now, Latencies())]
        return self._windows[1][1]


def _merged(parts: Iterable[Latencies]) -> Latencies:
    merged = Latencies()
    for part in parts:
        merged.merge(part)
    return merged
