"""
Scraping as Prometheus does (through prometheus_client's own parsers), and children that end as the test wants.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric, Sample
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from observability.metrics import Exemplar, Metrics, exposition
from observability.vocabulary import METRICS

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
DIED = -signal.SIGKILL
_PR_SET_PDEATHSIG = 1


def make(directory: Path, **options: Any) -> Metrics:
    """A `Metrics` whose instance id is the process's number, and whose warnings fail the test unless it takes them."""

    def unexpected(message: str) -> None:
        raise AssertionError(message)

    return Metrics(directory, **{"instance": lambda: f"instance-{os.getpid()}", "warn": unexpected, **options})


def emitted(metrics: Metrics) -> Any:
    known = METRICS["telemetry_emitted_total"]
    return metrics.counter(known.name, known.help, known.labels)


def families(metrics: Metrics) -> dict[str, Metric]:
    body, _ = exposition(metrics, OPENMETRICS)
    return {family.name: family for family in text_string_to_metric_families(body.decode())}


def samples(metrics: Metrics) -> list[Sample]:
    return [sample for family in families(metrics).values() for sample in family.samples]


def value(metrics: Metrics, name: str, /, **labels: str) -> float | None:
    """The only sample of this name and these labels, or None."""
    found = [sample.value for sample in samples(metrics) if sample.name == name and sample.labels == labels]
    assert len(found) <= 1, f"{name}{labels} is exported {len(found)} times"
    return found[0] if found else None


def exemplar_of(metrics: Metrics, name: str, /, **labels: str) -> Any:
    (found,) = [sample for sample in samples(metrics) if sample.name == f"{name}_bucket" and sample.labels == labels]
    return found.exemplar


def exemplar(number: int, timestamp: float) -> Exemplar:
    """One whose ids are *number*."""
    return Exemplar(f"{number:032x}", f"{number:016x}", timestamp)


def fork(work: Callable[[], Any], *, orphan: bool = False) -> int:
    """
    Run *work* in a forked child, which then ends at once: by kill -9 if *work* returns `DIED`, else orderly.

    :param orphan: it may outlive us. Others may not, not even if the test run is killed.
    """
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        if not orphan:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if work() == DIED:
            os.kill(os.getpid(), signal.SIGKILL)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def wait(pid: int) -> int:
    """The exit code; negative if a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def kill(pid: int) -> None:
    """kill -9, and wait for the end."""
    os.kill(pid, signal.SIGKILL)
    wait(pid)


def in_child(work: Callable[[], Any]) -> Any:
    """What *work* returns in a forked child (by way of JSON); the child has ended when this returns."""
    reading, writing = os.pipe()

    def tell() -> None:
        os.write(writing, json.dumps(work()).encode())

    pid = fork(tell)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    assert wait(pid) == 0
    return json.loads(text)


def killed_child(work: Callable[[], Any]) -> int:
    """Run *work* in a forked child that then dies of kill -9; its number."""

    def die() -> int:
        work()
        return DIED

    pid = fork(die)
    assert wait(pid) == DIED
    return pid
