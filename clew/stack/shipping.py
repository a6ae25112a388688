"""A `logstash.conf` carried out by itself: its files to its Elasticsearch, without a store or a service of ours."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from clew.intake.aside import Aside
from clew.intake.elasticsearch import ElasticsearchSink, sink_of
from clew.intake.file_input import log_intake_of
from clew.intake.logs import LogIntake
from clew.stack.config import pipelines_of

_STOP_WITHIN_S = 2.0
_RETRIES = {"retry_initial_interval": 2.0, "retry_max_interval": 64.0}
"""Logstash's own defaults (seconds), where the output names one of the two."""


class Busy(Exception):
    """Another process works with the same positions."""


class Shipping:
    """
    Reads what the file inputs of *text* name, and sends it to its `elasticsearch` output, from `run` until *stop*.

    Each line arrives at least once, and with an id of its own once: a position moves on when the server has
    acknowledged all lines before it. What the server or the pipeline will not take is kept in *data*/aside and counted.

    :param text: a pipeline, and *filename* what its complaints call it.
    :param environ: what ``${NAME}`` stands for.
    :param data: keeps positions and what was put aside; one process at a time. It is made.
    :param report: gets a sentence when the server begins and stops refusing, when it leaves the last request without an
        answer, and when a file cannot be read.
    :raises ConfigError: *text* is wrong (`clew.pipeline`).
    :raises ValueError: an input or the output cannot be carried out.
    :raises Busy: *data* is in use.
    :raises OSError: *data* cannot be written.
    """

    def __init__(
        self, text: str, *, filename: str, environ: Mapping[str, str], data: Path, report: Callable[[str], None]
    ) -> None:
        self._report = report
        sources = pipelines_of(text, filename=filename, environ=environ)
        if not sources:
            raise ValueError(f"{filename} has no file input.")
        outputs = sources[0][1].outputs
        self._sinks: list[ElasticsearchSink] = [sink_of(outputs) for _ in sources]
        self.hosts = outputs[0].hosts
        self._lock = _lock(data)
        self._intakes = [
            log_intake_of(
                source, pipeline, sink, Aside(data / "aside"), positions_dir=data, host=socket.gethostname(),
                report=report, retry_s=_retry_s(outputs[0].settings),
            )
            for (source, pipeline), sink in zip(sources, self._sinks, strict=True)
        ]

    def run(self, stop: threading.Event) -> None:
        """
        Until *stop* is set; then one last look at the files, and the positions are saved. A server that keeps a request
        hanging is waited for 2 s: what it then has not acknowledged is sent again by the next start.

        What ends an input ends all, and is raised here.
        """
        failures: list[Exception] = []

        def work(intake: LogIntake) -> None:
            try:
                intake.run(stop)
            except Exception as error:  # noqa: BLE001 (raised again below, in the thread that can say it)
                failures.append(error)
                stop.set()

        threads = [
            threading.Thread(target=work, args=(intake,), name=f"ship-{number}", daemon=True)
            for number, intake in enumerate(self._intakes)
        ]
        for thread in threads:
            thread.start()
        stop.wait()
        deadline = time.monotonic() + _STOP_WITHIN_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in threads):
            self._report("The last request is without an answer. The next start sends its lines again.")
        for sink in self._sinks:
            sink.close()
        os.close(self._lock)
        if failures:
            raise failures[0]

    def counts(self) -> Mapping[str, int]:
        """Of all inputs together, see `LogIntakeStatus` and `Tail`; ``bytes_behind`` is written and not yet sent."""
        total = Counter[str]()
        for status in (intake.status() for intake in self._intakes):
            total.update(status.counts)
            total.update(status.tail_counts)
            total["bytes_behind"] += status.tail.behind_bytes
        return dict(sorted(total.items()))


def _lock(data: Path) -> int:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise Busy(f"Another clew logstash works with {data}. End it, or name another directory: --data DIR") from None
    return handle


def _retry_s(settings: Mapping[str, object]) -> tuple[float, float] | None:
    """None where the output says nothing: then the intake's own pauses, which suit a server close by."""
    if not settings.keys() & _RETRIES.keys():
        return None
    first, longest = (float(str(settings.get(name, default))) for name, default in _RETRIES.items())
    return first, max(first, longest)
