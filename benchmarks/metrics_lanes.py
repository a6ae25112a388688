"""
What an update and a scrape of `observability.metrics` cost, beside prometheus_client in one process and in multiprocess
mode. Run it: ``python -m benchmarks.metrics_lanes``.

Each variant runs in a process of its own, since prometheus_client picks its kind of value when it is imported. Times
are the best of several interleaved rounds; ratios travel better than times.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

LANES, IN_PROCESS, MULTIPROCESS = "lanes", "in process", "multiprocess"
VARIANTS = (LANES, IN_PROCESS, MULTIPROCESS)
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.5, 5.0, 10.0)
WORKERS = 4
TRACE = {"trace_id": "ab" * 16, "span_id": "cd" * 8}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=100_000)
    parser.add_argument("--series", type=int, default=300, help="histograms of 16 buckets each that a scrape renders")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant:
        print(json.dumps(_measure(options.variant, options.updates, options.series)))
        return
    best: dict[str, dict[str, float]] = {variant: {} for variant in VARIANTS}
    for _ in range(options.rounds):
        for variant in VARIANTS:
            for what, seconds in _in_own_process(variant, options.updates, options.series).items():
                best[variant][what] = min(seconds, best[variant].get(what, seconds))
    _print(best, options.series)


def _in_own_process(variant: str, updates: int, series: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": directory}
        if variant != MULTIPROCESS:
            del environment["PROMETHEUS_MULTIPROC_DIR"]
        command = [sys.executable, "-m", "benchmarks.metrics_lanes"]
        command += ["--variant", variant, "--updates", str(updates), "--series", str(series)]
        answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(answer.stdout)
    return found


def _measure(variant: str, updates: int, series: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as directory:
        return _lanes(Path(directory), updates, series) if variant == LANES else _peer(variant, updates, series)


def _lanes(directory: Path, updates: int, series: int) -> dict[str, float]:
    from observability.metrics import Exemplar, Metrics, exposition

    metrics = Metrics(directory, instance=lambda: str(os.getpid()))
    counter = metrics.counter("hits", "Hits", ("method", "status"))
    histogram = metrics.histogram("wait_seconds", "Wait", ("method", "route", "status"), BUCKETS)
    hits, waits = counter.labels("GET", "200"), histogram.labels("GET", "/", "200")
    now = time.time()

    def fill() -> None:
        for number in range(series):
            histogram.labels("GET", f"/{number}", "200").observe(0.03, Exemplar("ab" * 16, "cd" * 8, now))

    times = {
        "counter, bound": _each(hits.inc, updates),
        "counter by labels": _each(lambda: counter.labels("GET", "200").inc(), updates),
        "histogram, bound": _each(lambda: waits.observe(0.03), updates),
        "histogram + exemplar": _each(lambda: waits.observe(0.03, Exemplar("ab" * 16, "cd" * 8, now)), updates),
    }
    with _Workers(fill):
        times["scrape"] = _each(lambda: exposition(metrics, "application/openmetrics-text"), 3)
    return times


def _peer(variant: str, updates: int, series: int) -> dict[str, float]:
    from prometheus_client import CollectorRegistry, Counter, Histogram
    from prometheus_client.multiprocess import MultiProcessCollector
    from prometheus_client.openmetrics.exposition import generate_latest

    registry = CollectorRegistry()
    counter = Counter("hits", "Hits", ("method", "status"), registry=registry)
    histogram = Histogram("wait_seconds", "Wait", ("method", "route", "status"), registry=registry, buckets=BUCKETS)
    hits, waits = counter.labels("GET", "200"), histogram.labels("GET", "/", "200")

    def fill() -> None:
        for number in range(series):
            histogram.labels("GET", f"/{number}", "200").observe(0.03, TRACE)

    times = {
        "counter, bound": _each(hits.inc, updates),
        "counter by labels": _each(lambda: counter.labels("GET", "200").inc(), updates),
        "histogram, bound": _each(lambda: waits.observe(0.03), updates),
        "histogram + exemplar": _each(lambda: waits.observe(0.03, TRACE), updates),
    }
    if variant == IN_PROCESS:
        fill()
        times["scrape"] = _each(lambda: generate_latest(registry), 3)
        return times
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)
    with _Workers(fill):
        times["scrape"] = _each(lambda: generate_latest(everybody), 3)
    return times


class _Workers:
    """Forked processes that have filled their metrics and stay until the context ends."""

    def __init__(self, fill: Callable[[], None]) -> None:
        self._fill = fill

    def __enter__(self) -> None:
        ready, tell = os.pipe()
        wait, self._end = os.pipe()
        self._pids = []
        for _ in range(WORKERS):
            pid = os.fork()
            if not pid:
                os.close(self._end)
                self._fill()
                os.write(tell, b"!")
                os.read(wait, 1)
                os._exit(0)
            self._pids.append(pid)
        for _ in range(WORKERS):
            os.read(ready, 1)

    def __exit__(self, *_: object) -> None:
        os.close(self._end)
        for pid in self._pids:
            os.waitpid(pid, 0)


def _each(work: Callable[[], object], times: int) -> float:
    work()
    start = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - start) / times


def _print(best: dict[str, dict[str, float]], series: int) -> None:
    print(f"{'':28}{'lanes':>12}{'in process':>18}{'multiprocess':>18}")
    for what in best[LANES]:
        unit, factor = ("ms", 1e3) if what == "scrape" else ("us", 1e6)
        row = f"{what:28}{best[LANES][what] * factor:>9.2f} {unit}"
        for variant in (IN_PROCESS, MULTIPROCESS):
            ratio = best[variant][what] / best[LANES][what]
            row += f"{best[variant][what] * factor:>9.2f} {unit} {ratio:>4.1f}x"
        print(row)
    print(
        f"scrape: {series} histograms of {len(BUCKETS) + 1} buckets; {WORKERS} workers (in process: one). "
        "Multiprocess drops exemplars; in process, a scrape sees one worker only."
    )


if __name__ == "__main__":
    main()
