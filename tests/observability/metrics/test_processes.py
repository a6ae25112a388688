"""
Many processes count as one, however they begin and end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

from observability.metrics import Metrics
from observability.metrics.files import RETIRED, has_owner, names, open_to_read
from tests.observability.metrics.support import (
    DIED,
    emitted,
    exemplar,
    fork,
    in_child,
    kill,
    killed_child,
    make,
    samples,
    value,
    wait,
)
from tests.support.waiting import eventually


class Children:
    """Forked children that wait, holding their files, until they are told to end."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def start(self, work: object) -> int:
        ready, done = os.pipe()

        def run() -> None:
            os.close(ready)
            work()  # type: ignore[operator]
            os.write(done, b"!")
            signal.pause()

        pid = fork(run)
        os.close(done)
        assert os.read(ready, 1) == b"!"
        os.close(ready)
        self.pids.append(pid)
        return pid

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.pids:
            self.kill(pid)

    def kill(self, pid: int) -> None:
        self.pids = [other for other in self.pids if other != pid]
        kill(pid)


def test_workers_forked_from_a_preloaded_app_add_up(tmp_path: Path) -> None:
    """gunicorn --preload: instruments, and series that were bound before the fork, exist once in the master."""
    metrics = make(tmp_path)
    bound = metrics.counter("requests", "Requests", ("method",)).labels("GET")
    waits = metrics.histogram("wait_seconds", "Wait").labels()
    queue, open_breakers = metrics.gauge("queue", "Queue"), metrics.gauge("breaker_open", "Breaker", merge="max")

    def work() -> None:
        for _ in range(500):
            bound.inc()
            waits.observe(0.25)
        queue.set(5)
        open_breakers.set(1)

    with Children() as workers:
        for _ in range(3):
            workers.start(work)
        assert names(tmp_path), "the workers have files"
        assert len(names(tmp_path)) == 3, "and the master, which counts nothing, has none"
        assert value(metrics, "requests_total", method="GET") == 1500
        assert value(metrics, "wait_seconds_count") == 1500
        assert value(metrics, "wait_seconds_sum") == 375
        assert value(metrics, "queue") == 15
        assert value(metrics, "breaker_open") == 1
        assert value(metrics, "process_workers") == 3


def test_a_series_bound_in_the_parent_writes_to_the_childs_own_lanes(tmp_path: Path) -> None:
    """Also when the parent had a file already, and also from a child of the child."""
    metrics = make(tmp_path)
    bound = metrics.counter("hits", "Hits", ("by",)).labels("anyone")
    bound.inc(1000)

    def child() -> int:
        bound.inc(10)
        assert in_child(lambda: bound.inc(1)) is None
        return os.getpid()

    pid = in_child(child)
    bound.inc(1000)

    assert value(metrics, "hits_total", by="anyone") == 2011
    own = [content for content in metrics.contents() if content.instance == f"instance-{os.getpid()}"]
    assert len(own) == 1
    assert [r.parts[0] for r in own[0].series if r.definition.name == "hits_total"] == [2000]
    assert pid != os.getpid()


def test_a_killed_worker_loses_no_count(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    hits = metrics.counter("hits", "Hits")
    for _ in range(4):
        killed_child(lambda: [hits.inc() for _ in range(250)])
    assert len(names(tmp_path)) == 4

    assert value(metrics, "hits_total") == 1000
    assert names(tmp_path) == [], "they are folded into one"
    assert value(metrics, "hits_total") == 1000
    assert value(metrics, "process_workers") == 0


def test_counts_survive_the_restart_of_everything(tmp_path: Path) -> None:
    """The next release knows nothing of the last one's processes, and lacks one of its metrics; all is still there."""
    killed_child(lambda: (make(tmp_path).counter("hits", "Hits").inc(7), make(tmp_path).counter("old", "Old").inc(1)))

    after = make(tmp_path)
    after.counter("hits", "Hits, documented better").inc(1)

    assert value(after, "hits_total") == 8
    assert value(after, "old_total") == 1


def test_only_live_processes_count_in_a_gauge(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    total, largest = metrics.gauge("total", "Total"), metrics.gauge("largest", "Largest", merge="max")
    with Children() as workers:
        small = workers.start(lambda: (total.set(1), largest.set(-1)))
        large = workers.start(lambda: (total.set(10), largest.set(-10)))
        assert (value(metrics, "total"), value(metrics, "largest")) == (11, -1)
        workers.kill(small)
        assert (value(metrics, "total"), value(metrics, "largest")) == (10, -10)
        workers.kill(large)
    assert (value(metrics, "total"), value(metrics, "largest")) == (0, 0)


def test_two_scrapers_do_not_take_each_other_for_the_owner_of_a_dead_file(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    queue = metrics.gauge("queue", "Queue")
    killed_child(lambda: queue.set(5))
    descriptor = open_to_read(tmp_path / names(tmp_path)[0])
    try:
        assert not has_owner(descriptor)
        assert value(metrics, "queue") == 0
    finally:
        os.close(descriptor)


def test_a_child_of_a_workers_own_does_not_keep_the_dead_worker_alive(tmp_path: Path) -> None:
    """A flock belongs to the open file, which a fork shares and an exec may keep. Neither child ever counts."""
    metrics = make(tmp_path)
    queue = metrics.gauge("queue", "Queue")
    reading, writing = os.pipe()

    def worker() -> int:
        queue.set(5)
        forked = fork(signal.pause, orphan=True)
        executed = subprocess.Popen(["sleep", "60"], close_fds=False)
        os.write(writing, f"{forked} {executed.pid}".encode())
        return DIED

    pid = fork(worker)
    orphans = [int(number) for number in os.read(reading, 100).split()]
    try:
        assert wait(pid) == DIED
        # The scrape that sees it end may have begun before: then the next one folds its file.
        eventually(lambda: value(metrics, "queue") == 0 and names(tmp_path) == [], what="the dead one is folded")
    finally:
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)
        os.close(reading)
        os.close(writing)


def test_a_closed_file_is_folded_and_counting_goes_on_in_a_new_one(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    hits, queue = metrics.counter("hits", "Hits"), metrics.gauge("queue", "Queue")
    hits.inc(3)
    queue.set(9)
    (first,) = names(tmp_path)
    metrics.close()
    metrics.close()

    assert value(metrics, "hits_total") == 3
    assert value(metrics, "queue") == 0
    assert names(tmp_path) == []
    hits.inc(4)
    assert value(metrics, "hits_total") == 7
    assert names(tmp_path) not in ([], [first])


def test_closing_after_the_directory_was_removed_does_not_bring_it_back(tmp_path: Path) -> None:
    """A test's or a script's temporary directory is gone when its last finalizers count something."""
    directory = tmp_path / "metrics"
    metrics = make(directory)
    hits = metrics.counter("hits", "Hits")
    hits.inc()
    metrics.close()
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()

    hits.inc()
    assert not directory.exists()
    assert value(metrics, "hits_total") == 1


def test_a_worker_whose_directory_was_emptied_begins_a_new_file(tmp_path: Path) -> None:
    warnings: list[str] = []
    metrics = make(tmp_path / "metrics", warn=warnings.append)
    hits = metrics.counter("hits", "Hits")
    hits.inc(5)
    for path in (tmp_path / "metrics").iterdir():
        path.unlink()
    (tmp_path / "metrics").rmdir()

    value(metrics, "hits_total")
    hits.inc(2)

    assert value(metrics, "hits_total") == 2
    assert len(names(tmp_path / "metrics")) == 1
    assert len(warnings) == 1
    assert "emptied" in warnings[0]


def test_two_apps_in_one_process_may_share_a_directory(tmp_path: Path) -> None:
    one, other = make(tmp_path), make(tmp_path)
    one.counter("hits", "Hits").inc(1)
    other.counter("hits", "Hits").inc(2)

    assert value(one, "hits_total") == value(other, "hits_total") == 3
    assert value(one, "process_workers") == 1


def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    metrics = make(tmp_path / "state" / "metrics")
    metrics.counter("hits", "Hits").inc()

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "state").rglob("*")}
    assert modes.pop("metrics") == 0o700
    assert set(modes.values()) == {0o600}


def test_every_instance_has_an_account_and_the_newest_dead_ones_keep_it(tmp_path: Path) -> None:
    """emitted = stored + dropped has to hold for each process, also for a killed one."""
    metrics = Metrics(tmp_path, instance=lambda: next(identities), series_limit=10)
    made, dropped = emitted(metrics), metrics.counter(*_dropped())

    for number in range(70):
        identities = iter([f"worker-{number}"])
        killed_child(lambda number=number: (made.labels("logs").inc(number + 1), dropped.labels("logs", "full").inc()))
        if number % 30 == 0:
            samples(metrics)
    identities = iter(["alive"])
    made.labels("logs").inc(5)
    dropped.labels("logs", "full").inc(1)
    dropped.labels("logs", "disk").inc(2)

    name = "telemetry_instance_emitted_total"
    accounts = {s.labels["service_instance_id"]: s.value for s in samples(metrics) if s.name == name}
    assert len(accounts) == 65
    assert accounts == {"alive": 5} | {f"worker-{number}": number + 1 for number in range(6, 70)}
    lost = {"signal": "logs", "service_instance_id": "alive"}
    assert value(metrics, "telemetry_instance_dropped_total", **lost) == 3
    assert value(metrics, "telemetry_emitted_total", signal="logs") == sum(range(71)) + 5


def _dropped() -> tuple[str, str, tuple[str, ...]]:
    from observability.vocabulary import METRICS

    known = METRICS["telemetry_dropped_total"]
    return known.name, known.help, known.labels


def test_cpu_time_is_that_of_all_processes_and_never_steps_back(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    hits = metrics.counter("hits", "Hits")

    def burn() -> None:
        hits.inc()
        metrics.confirm(1.0)
        end = os.times().user + 0.03
        while os.times().user < end:
            sum(range(1000))

    seen = [0.0]
    for _ in range(3):
        with Children() as workers:
            workers.start(burn)
            seen.append(value(metrics, "process_cpu_seconds_total") or 0.0)
        seen.append(value(metrics, "process_cpu_seconds_total") or 0.0)
    assert seen == sorted(seen)
    assert seen[-1] >= 0.09


def test_cpu_time_of_a_process_with_several_files_counts_once(tmp_path: Path) -> None:
    """Two apps in one process, or one that was closed and went on."""
    one, other = make(tmp_path), make(tmp_path)
    for metrics in (one, other, one):
        metrics.counter("hits", "Hits").inc()
        metrics.confirm(1.0)
        metrics.close()
        value(one, "process_cpu_seconds_total")
    one.counter("hits", "Hits").inc()

    told = value(one, "process_cpu_seconds_total") or 0.0
    assert told <= time.process_time() + 0.05  # the kernel counts in ticks


def test_process_metrics_are_sums_over_the_live_workers(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    hits = metrics.counter("hits", "Hits")
    hits.inc()
    alone = value(metrics, "process_resident_memory_bytes")
    started = value(metrics, "process_start_time_seconds")
    with Children() as workers:
        workers.start(hits.inc)
        together = value(metrics, "process_resident_memory_bytes")
        assert alone
        assert together
        assert together > alone * 1.2
        assert value(metrics, "process_start_time_seconds") == started
        assert value(metrics, "process_open_fds")
        assert value(metrics, "process_max_fds")
        assert value(metrics, "process_virtual_memory_bytes")


def test_label_sets_of_many_generations_do_not_grow_for_ever(tmp_path: Path) -> None:
    """Each generation of workers brings paths of its own; what was retired first keeps its series."""
    metrics = make(tmp_path, series_limit=4)
    hits = metrics.counter("hits", "Hits", ("path",))
    for generation in range(5):
        killed_child(lambda generation=generation: [hits.labels(f"/{generation}/{n}").inc() for n in range(3)])
        samples(metrics)

    found = {s.labels["path"]: s.value for s in samples(metrics) if s.name == "hits_total"}
    assert sum(found.values()) == 15
    assert {"/0/0", "/0/1", "/0/2", "_OTHER"} <= set(found)
    assert len(found) <= 5
    assert (value(metrics, "telemetry_dropped_total", signal="metrics", reason="series_limit") or 0) > 0


def test_a_killed_worker_leaves_its_exemplars_to_the_retired_file(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    waits = metrics.histogram("wait_seconds", "Wait", buckets=(1.0,))
    killed_child(lambda: (waits.observe(0.5, exemplar(7, 100.0)), metrics.confirm(100.0)))

    (found,) = [s.exemplar for s in samples(metrics) if s.name == "wait_seconds_bucket" and s.exemplar]
    assert (tmp_path / RETIRED).exists()
    assert (found.labels["trace_id"], found.value, float(found.timestamp)) == (f"{7:032x}", 0.5, 100.0)
