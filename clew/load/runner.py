"""
Begins each journey at its time, whether earlier ones have ended or not: an open loop.

A request's latency counts from when it should have begun. One that waited because everything was busy shows that wait,
instead of hiding it as a closed loop does (coordinated omission).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

from clew.load.client import Client
from clew.load.journeys import JOURNEYS, Answer, Ask, Visitors
from clew.load.plan import Arrival, Plan
from clew.load.tally import Tally
from clew.load.visit import drive

MOST_WAITING = 10_000
"""Journeys that may wait for a connection; more are not begun, and counted as skipped."""


class Runner:
    """
    :param connect: makes the client of worker *n*.
    :param connections: most requests at one time; each has a thread of its own.
    :param tick: called about every *tick_s* seconds with how many journeys are in flight or wait.
    :param drain_s: how long journeys that were begun may take after the last arrival.
    """

    def __init__(
        self, plan: Plan, visitors: Visitors, tally: Tally, connect: Callable[[int], Client], *,
        connections: int = 64, tick: Callable[[int], None] = lambda _: None, tick_s: float = 0.5,
        drain_s: float = 20.0, clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self._plan = plan
        self._visitors = visitors
        self._tally = tally
        self._connect = connect
        self._connections = connections
        self._tick = tick
        self._tick_s = tick_s
        self._drain_s = drain_s
        self._clock = clock
        self._pause = pause
        self._queue: SimpleQueue[Arrival | None] = SimpleQueue()
        self._workers: list[threading.Thread] = []
        self._begun = 0
        self._ended = 0
        self._count = threading.Lock()
        self._stopping = False
        self._began = 0.0
        self._next_tick = 0.0

    def run(self) -> None:
        """
        Return when all journeys have ended, or could not within *drain_s*. An exception in the calling thread, such as
        KeyboardInterrupt, ends everything at once and passes.
        """
        self._began = self._tally.began = self._clock()
        try:
            for arrival in self._plan.arrivals():
                self._wait_until(self._began + arrival.at_s)
                self._begin(arrival)
            until = self._clock() + self._drain_s
            while self._in_flight and self._clock() < until:
                self._wait_until(min(until, self._clock() + 0.02))
        finally:
            self._stopping = True
            for _ in self._workers:
                self._queue.put(None)
            self._tally.close(unfinished=self._in_flight)

    @property
    def _in_flight(self) -> int:
        return self._begun - self._ended

    def _wait_until(self, moment: float) -> None:
        while (now := self._clock()) < moment:
            if now >= self._next_tick:
                self._next_tick = now + self._tick_s
                self._tick(self._in_flight)
            self._pause(min(moment, self._next_tick) - now)

    def _begin(self, arrival: Arrival) -> None:
        if self._in_flight >= MOST_WAITING:
            self._tally.skipped += 1
            return
        self._begun += 1
        self._queue.put(arrival)
        if len(self._workers) < min(self._connections, self._in_flight):
            # a daemon: a request that hangs must not keep the process
            worker = threading.Thread(target=self._work, args=(len(self._workers),), daemon=True)
            self._workers.append(worker)
            worker.start()

    def _work(self, number: int) -> None:
        client = self._connect(number)
        while (arrival := self._queue.get()) is not None and not self._stopping:
            try:
                self._travel(client, arrival)
            finally:
                with self._count:
                    self._ended += 1
        client.close()

    def _travel(self, client: Client, arrival: Arrival) -> None:
        due: float | None = self._began + arrival.at_s
        step = 0

        def ask(wanted: Ask) -> Answer:
            nonlocal due, step
            # what follows the first answer cannot be due before it
            start = self._clock() if due is None else due
            due = None
            request_id = f"load-{self._visitors.run}-{arrival.number}-{step}"
            step += 1
            answer = client.ask(wanted, request_id)
            self._tally.add(
                arrival.journey, wanted, answer, latency_s=self._clock() - start, request_id=request_id
            )
            return answer

        drive(JOURNEYS[arrival.journey].begin(self._plan.rng(arrival), self._visitors, str(arrival.number)), ask)
