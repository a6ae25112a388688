"""
Writers and scrapers are killed at random instants, again and again, while somebody watches.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from prometheus_client.core import Sample

from observability.metrics import Metrics
from tests.observability.metrics.support import exemplar, fork, kill, make, samples

_ROUNDS = 60
_AMOUNT = 0.1  # not a binary fraction: sums of it depend on the order of adding


class Writer:
    """
    A child that counts under its own label as fast as it can, and says over a pipe how far it has come.
    """

    def __init__(self, metrics: Metrics, number: int) -> None:
        self.number = number
        self._reading, writing = os.pipe()

        def count() -> None:
            hits = metrics.counter("hits", "Hits", ("writer",)).labels(number)
            amounts = metrics.counter("amounts", "Amounts", ("all",)).labels("all")
            waits = metrics.histogram("wait_seconds", "Wait", ("all",), buckets=(0.2, 0.4)).labels("all")
            done = 0
            while True:
                hits.inc()
                amounts.inc(_AMOUNT)
                done += 1
                waits.observe(done % 7 / 10, exemplar(done % 7, time.time()))
                os.write(writing, b".")
                if done % 20 == 0:
                    metrics.confirm(time.time())
                if done % 50 == 0:
                    time.sleep(0.001)

        self.pid = fork(count)
        os.close(writing)

    def kill(self) -> int:
        """End it; how often it has surely counted."""
        kill(self.pid)
        said = 0
        while chunk := os.read(self._reading, 1 << 20):
            said += len(chunk)
        os.close(self._reading)
        return said


def _scraper(metrics: Metrics) -> int:
    def scrape() -> None:
        while True:
            samples(metrics)

    return fork(scrape)


class Watch:
    """Scrapes, and fails as soon as anything that only goes up goes down."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._seen: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {}
        self.scrapes = 0

    def look(self) -> list[Sample]:
        found = samples(self._metrics)
        now = {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for sample in found
            if sample.name.endswith(("_total", "_bucket", "_count", "_sum"))
        }
        for key, before in self._seen.items():
            if not key[0].startswith("telemetry_instance"):  # only the newest have an account
                assert now.get(key, 0.0) >= before, f"{key} stepped back from {before!r} to {now.get(key)!r}"
        for (name, labels), count in now.items():
            if name == "wait_seconds_count":
                assert count == now["wait_seconds_bucket", tuple(sorted((*labels, ("le", "+Inf"))))]
        self._seen = now
        self.scrapes += 1
        return found


@pytest.mark.slow
def test_nothing_is_lost_counted_twice_or_steps_back_whoever_is_killed_whenever(tmp_path: Path) -> None:
    chance = random.Random(20261121)
    metrics = make(tmp_path)
    watch = Watch(metrics)
    numbers = iter(range(10_000))
    said: dict[int, int] = {}
    writers = [Writer(metrics, next(numbers)) for _ in range(2)]
    scrapers = [_scraper(metrics) for _ in range(2)]
    try:
        for _ in range(_ROUNDS):
            watch.look()
            time.sleep(chance.uniform(0.0, 0.01))
            victim = chance.randrange(2)
            if chance.random() < 0.6:
                said[writers[victim].number] = writers[victim].kill()
                writers[victim] = Writer(metrics, next(numbers))
            else:
                kill(scrapers[victim])
                scrapers[victim] = _scraper(metrics)
    finally:
        for writer in writers:
            said[writer.number] = writer.kill()
        for scraper in scrapers:
            kill(scraper)
    watch.look()

    counted = {int(s.labels["writer"]): s.value for s in samples(metrics) if s.name == "hits_total"}
    for number, least in said.items():
        # One more: it may have been killed between counting and saying so.
        assert least <= counted.get(number, 0) <= least + 1, f"writer {number} said {least}"
    total = sum(counted.values())
    exported = {s.name: s.value for s in samples(metrics) if s.labels in ({"all": "all"},)}
    # Each writer may have been killed between its first and its second count.
    assert total - len(said) <= exported["wait_seconds_count"] <= total
    assert exported["amounts_total"] == pytest.approx(total * _AMOUNT, abs=len(said) * _AMOUNT)


@pytest.mark.slow
def test_a_reader_of_a_hammered_file_sees_no_torn_value(tmp_path: Path) -> None:
    """The ids of every exemplar are its value's number, so that a mixture of two would be noticed."""
    metrics = make(tmp_path)

    def hammer() -> None:
        waits = metrics.histogram("wait_seconds", "Wait", ("n",), buckets=(10.0,))
        count = metrics.counter("large", "Large", ("n",)).labels("0")
        number = 0
        while True:
            number += 1
            waits.labels(number % 3).observe(number % 1000, exemplar(number % 1000, 1e9 + number))
            count.inc(1 << 32)  # changes the upper half of its lane
            if number % 1000 == 0:
                waits.labels(f"new-{number}").observe(1)

    pid = fork(hammer)
    try:
        watch, exemplars = Watch(metrics), 0
        while watch.scrapes < 20 or exemplars < 20:
            for sample in watch.look():
                if sample.exemplar:
                    exemplars += 1
                    number = int(sample.exemplar.value)
                    assert sample.exemplar.labels == {"trace_id": f"{number:032x}", "span_id": f"{number:016x}"}
                if sample.name == "large_total":
                    assert sample.value % (1 << 32) == 0
    finally:
        kill(pid)
