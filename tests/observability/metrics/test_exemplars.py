"""
Which request stands behind a bucket. It must be one whose trace can be found.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from observability.metrics import Exemplar, Metrics
from observability.metrics.layout import SLOT_SIZE, pack_slot, unpack_slot
from tests.observability.metrics.support import (
    exemplar,
    exemplar_of,
    fork,
    kill,
    killed_child,
    make,
    samples,
    value,
)


def _shown(metrics: Metrics, le: str) -> int | None:
    """The number of the request that is shown for a bucket, see `support.exemplar`."""
    found = exemplar_of(metrics, "wait_seconds", le=le)
    return int(found.labels["trace_id"], 16) if found else None


def test_a_live_process_shows_the_latest_request_of_each_bucket(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))
    waits.observe(0.5, exemplar(1, 100.0))
    waits.observe(0.7, exemplar(2, 101.0))
    waits.observe(0.9)
    waits.observe(50.0, exemplar(3, 102.0))

    found = exemplar_of(metrics, "wait_seconds", le="1.0")
    assert (found.value, float(found.timestamp)) == (0.7, 101.0)
    assert found.labels == {"trace_id": f"{2:032x}", "span_id": f"{2:016x}"}
    assert _shown(metrics, "2.0") is None
    assert _shown(metrics, "+Inf") == 3


def test_the_newest_of_all_workers_wins(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))

    def work(number: int) -> None:
        waits.observe(0.5, exemplar(number, number * 100.0))
        metrics.confirm(999.0)

    waits.observe(0.5, exemplar(2, 200.0))
    killed_child(lambda: work(1))
    assert _shown(metrics, "1.0") == 2
    killed_child(lambda: work(3))
    assert _shown(metrics, "1.0") == 3


def test_a_killed_worker_points_to_no_span_that_died_with_it(tmp_path: Path) -> None:
    """Its newest span was never sent; the one before was."""
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))

    def work() -> None:
        waits.observe(0.5, exemplar(1, 100.0))
        metrics.confirm(150.0)
        waits.observe(0.5, exemplar(2, 200.0))
        waits.observe(1.5, exemplar(3, 201.0))

    killed_child(work)
    for _ in range(2):  # as a dead file, and from the retired one
        assert _shown(metrics, "1.0") == 1
        assert _shown(metrics, "2.0") is None
    assert value(metrics, "wait_seconds_count") == 3


def test_a_busy_bucket_has_a_confirmed_request_too(tmp_path: Path) -> None:
    """Hit often between two deliveries, its latest request is never a delivered one; an older one is kept for that."""
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))

    def work() -> None:
        for now in range(1, 1001):
            waits.observe(0.5, exemplar(now, float(now)))
            if now % 100 == 0:
                metrics.confirm(now - 50.0)

    killed_child(work)
    shown = _shown(metrics, "1.0")
    assert shown
    assert 800 <= shown <= 950


def test_without_any_confirmation_a_dead_worker_shows_nothing_and_a_live_one_the_latest(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))
    killed_child(lambda: waits.observe(0.5, exemplar(1, 100.0)))
    assert _shown(metrics, "1.0") is None
    waits.observe(0.5, exemplar(2, 90.0))
    assert _shown(metrics, "1.0") == 2


def test_a_confirmation_is_never_taken_back(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))

    def work() -> None:
        metrics.confirm(500.0)
        waits.observe(0.5, exemplar(1, 100.0))
        metrics.confirm(50.0)

    killed_child(work)
    assert _shown(metrics, "1.0") == 1


def test_broken_ids_cost_the_exemplar_and_not_the_observation(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))
    for ids in (("xy" * 16, "ab" * 8), ("ab" * 8, "ab" * 8), ("", "")):
        waits.observe(0.5, Exemplar(*ids, 1.0))

    assert value(metrics, "wait_seconds_count") == 3
    assert _shown(metrics, "1.0") is None
    assert value(metrics, "telemetry_dropped_total", signal="metrics", reason="bad_exemplar") == 3


def test_exemplars_stand_on_buckets_only_and_fit_openmetrics(tmp_path: Path) -> None:
    """OpenMetrics 1.0: names and values together at most 128 characters."""
    metrics = make(tmp_path)
    metrics.histogram("wait_seconds", "Wait").observe(0.5, Exemplar("f" * 32, "f" * 16, 1763717000.123456))

    (found,) = [sample for sample in samples(metrics) if sample.exemplar]
    assert found.name == "wait_seconds_bucket"
    assert sum(len(name) + len(text) for name, text in found.exemplar.labels.items()) <= 128
    assert float(found.labels["le"]) >= found.exemplar.value


def test_a_half_written_slot_is_noticed() -> None:
    """Any mixture of two exemplars, cut at any byte."""
    one, other = pack_slot(bytes(range(24)), 0.5, 100.0), pack_slot(bytes(24), 0.25, 200.0)
    assert unpack_slot(one) == (bytes(range(24)), 0.5, 100.0)
    for cut in range(1, SLOT_SIZE):
        mixed = one[:cut] + other[cut:]
        assert mixed in (one, other) or unpack_slot(mixed) is None
    assert unpack_slot(bytes(SLOT_SIZE)) is None


def test_two_workers_that_live_at_once_show_one_request_per_bucket(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0, 2.0))
    reading, writing = os.pipe()

    def work() -> None:
        waits.observe(0.5, exemplar(7, 700.0))
        os.write(writing, b"!")
        signal.pause()

    pid = fork(work)
    os.read(reading, 1)
    waits.observe(0.5, exemplar(6, 600.0))
    try:
        assert _shown(metrics, "1.0") == 7
        assert value(metrics, "wait_seconds_count") == 2
    finally:
        kill(pid)
        os.close(reading)
        os.close(writing)
