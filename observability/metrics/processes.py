"""
The ``process_*`` metrics of all processes of a service, as one would read them off a single process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector

from observability.metrics.exact import partials, total
from observability.metrics.layout import CPU_SEEN, HEADER_SIZE, SUM_LANES
from observability.metrics.reading import Contents

_PROCESSES_KEPT = 64
_SUMMED = {
    "process_resident_memory_bytes": "Resident memory of all live processes, in bytes",
    "process_virtual_memory_bytes": "Virtual memory of all live processes, in bytes",
    "process_open_fds": "Open file descriptors of all live processes",
    "process_max_fds": "Limit of open file descriptors, summed over all live processes",
}


def usage(pid: int | str = "self") -> dict[str, float]:
    """
    What the kernel says about a process: sample name -> value. Empty if it has ended, or where there is no ``/proc``.
    """
    collector = ProcessCollector(pid=lambda: pid, registry=None)
    return {sample.name: sample.value for metric in collector.collect() for sample in metric.samples}


def usage_of(content: Contents) -> dict[str, float]:
    """
    The same for the owner of a file; empty if its number belongs to another process by now.
    """
    found = usage(content.pid)
    # Two seconds: the boot time that the start is counted from moves when the clock is set right.
    return found if abs(found.get("process_start_time_seconds", 0.0) - content.started) < 2.0 else {}


def remember_cpu(directory: Path, contents: Iterable[Contents]) -> list[Contents]:
    """
    *contents* with the CPU time that live processes have used by now. It is written into their files before anybody is
    told: when such a process is killed, the total does not step back. For the holder of the fold lock.
    """
    return [_up_to_date(directory, content) if content.live else content for content in contents]


def _up_to_date(directory: Path, content: Contents) -> Contents:
    seconds = usage_of(content).get("process_cpu_seconds_total", 0.0)
    if seconds <= content.cpu_seconds:
        return content
    try:
        _store_cpu(directory / content.name, seconds)
    except OSError:  # then nobody is told
        return content
    return replace(content, cpu_seconds=seconds)


def _store_cpu(path: Path, seconds: float) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        with mmap.mmap(descriptor, HEADER_SIZE) as head, memoryview(head) as view, view.cast("d") as lanes:
            lanes[CPU_SEEN] = seconds
    finally:
        os.close(descriptor)


def cpu_account(note: Mapping[str, Any], contents: Iterable[Contents]) -> dict[str, Any]:
    """
    The retired file's note on CPU time, after *contents* are added: ``cpu`` (floats whose sum is the total) and
    ``processes`` (what is in it of the newest processes, since one process may leave several files behind).
    """
    parts = list(note.get("cpu", ()))
    known = dict(note.get("processes", {}))
    for content in contents:
        process = f"{content.pid}/{content.started}"
        before = known.pop(process, 0.0)
        if content.cpu_seconds > before:
            parts += [content.cpu_seconds, -before]
        known[process] = max(before, content.cpu_seconds)
    newest = list(known.items())[-_PROCESSES_KEPT:]
    return {"cpu": list(partials(parts, SUM_LANES)), "processes": dict(newest)}


def process_metrics(contents: Sequence[Contents]) -> Iterable[Metric]:
    """
    :param contents: of all files, as `scanning.scan` returns them.
    """
    note = next((content.note for content in contents if content.note), {})
    account = cpu_account(note, [content for content in contents if not content.note])
    yield CounterMetricFamily(
        "process_cpu_seconds_total",
        "User and system CPU time of all processes, ended ones included, in seconds",
        value=total(account["cpu"]),
    )
    live = {content.pid: content for content in contents if content.live}
    usages = [usage_of(content) for content in live.values()]
    for name, help_text in _SUMMED.items():
        values = [each[name] for each in usages if name in each]
        if values:
            yield GaugeMetricFamily(name, help_text, value=sum(values))
    if live:
        yield GaugeMetricFamily(
            "process_start_time_seconds",
            "Start of the oldest live process, seconds since the epoch",
            value=min(content.started for content in live.values()),
        )
    yield GaugeMetricFamily("process_workers", "Live processes that have counted something", value=len(live))
