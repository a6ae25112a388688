"""Processes that fall into the traps of starting, forking and ending: each scene is played once, several at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.support.collector import Collector, refusing_url
from tests.support.waiting import eventually
from tests.traps.server import WORKERS

PATIENCE_S = 4.5
"""How long a scene waits for a process that was told to end; ours has to be gone well before."""
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@dataclass(frozen=True, slots=True)
class Played:
    """
    :param answered: requests that were answered with 200 before the scrape; ``/last`` is another, right before SIGTERM.
    :param at_once: spans that the collector had two seconds after the first request.
    :param ended_s: seconds from SIGTERM to the end of the process; None: it still ran after `PATIENCE_S`.
    :param spans: names that the collector got. *instances*: whose they were.
    :param met: process ids of the workers that answered.
    :param exposition: what a scrape got. *output*: standard output and standard error.
    """

    answered: int
    at_once: int
    ended_s: float | None
    spans: tuple[str, ...]
    instances: frozenset[str]
    met: tuple[int, ...]
    exposition: str
    output: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.output.splitlines() if is_json(line)]


def is_json(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def play(kind: str, server: str, collector: Collector | None, folder: Path) -> Played:
    """
    Start, ask, scrape, ask once more, SIGTERM. *collector* None: one that refuses connections.
    """
    url = collector.url if collector else refusing_url()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.traps.server", kind, server, str(folder), url],
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )
    try:
        eventually((folder / "port").exists, timeout_s=30, what=f"the start of {kind} under {server}")
        workers = WORKERS if server == "gunicorn" else 0
        eventually(lambda: len(list(folder.glob("worker-*"))) == workers, timeout_s=30, what="the workers' start")
        get = asking(int((folder / "port").read_text()))
        get("/ok")
        answered, at_once, met = 1, 0, []
        healthy = collector is not None and not collector.hang
        if server == "development" and collector is not None:
            with suppress(AssertionError):
                at_once = eventually(lambda: len(collector.spans), timeout_s=2.0)
        if server == "gunicorn" and healthy:
            with ThreadPoolExecutor(2) as pool:
                met = [int(pid) for pid in pool.map(get, ("/meet/1", "/meet/2"))]
            answered += 2
        get("/thread")
        answered += 1
        exposition = get("/metrics")
        with suppress(AssertionError):  # a request is counted a moment after its client has the answer
            exposition = eventually(lambda: complete(get("/metrics"), answered), timeout_s=1.0)
        get("/last")
        ended = end(process)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return Played(
        answered=answered, at_once=at_once, ended_s=ended, met=tuple(met), exposition=exposition,
        spans=tuple(collector.names() if collector else ()),
        instances=frozenset(collector.instance_of.values() if collector else ()),
        output=(folder / "output").read_text("utf-8", "replace"),
    )


def complete(exposition: str, requests: int) -> str:
    """*exposition*, if that many requests are counted in it."""
    counts = (line for line in exposition.splitlines() if line.startswith("flask_http_request_duration_seconds_count{"))
    return exposition if sum(float(line.rpartition(" ")[2]) for line in counts) == requests else ""


def asking(port: int) -> Callable[[str], str]:
    def get(path: str) -> str:
        with urlopen(Request(f"http://127.0.0.1:{port}{path}", headers={"Accept": OPENMETRICS}), timeout=10) as answer:
            return str(answer.read().decode())

    return get


def end(process: subprocess.Popen[bytes]) -> float | None:
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(PATIENCE_S)
        return time.monotonic() - told
    return None


def hostile(folder: Path) -> dict[str, str]:
    """An environment that says something about everything that the packages, or we in `main`, read from one."""
    return {
        "OTEL_SERVICE_NAME": "somebody-else", "OTEL_RESOURCE_ATTRIBUTES": "service.name=another,team=nobody,extra=1",
        "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process,os", "OTEL_TRACES_SAMPLER": "always_off",
        "OTEL_SDK_DISABLED": "true", "OTEL_PROPAGATORS": "none", "OTEL_PYTHON_TRACER_PROVIDER": "sdk_tracer_provider",
        "OTEL_PYTHON_METER_PROVIDER": "sdk_meter_provider", "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED": "true",
        "OTEL_ATTRIBUTE_COUNT_LIMIT": "1", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "1", "OTEL_SPAN_EVENT_COUNT_LIMIT": "1", "OTEL_SPAN_LINK_COUNT_LIMIT": "1",
        "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT": "3", "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=nobody", "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_BSP_SCHEDULE_DELAY": "60000", "OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
        "OTEL_SEMCONV_STABILITY_OPT_IN": "http/dup", "OTEL_PYTHON_FLASK_EXCLUDED_URLS": ".*",
        "OTEL_PYTHON_EXCLUDED_URLS": ".*", "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*",
        "PROMETHEUS_MULTIPROC_DIR": str(folder), "PROMETHEUS_DISABLE_CREATED_SERIES": "true",
        "PROMETHEUS_LEGACY_NAME_VALIDATION": "true", "LOG_LEVEL": "critical", "LOG_DIR": str(folder / "nowhere"),
        "METRICS_DIR": str(folder / "nowhere"), "INSTRUMENTATION": "flask_instrumentor", "BAGGAGE_KEYS": "all",
        "FLASK_DEBUG": "1",
    }


def run(module: str, *arguments: str, environment: dict[str, str]) -> str:
    """What the module prints, in an environment that has nothing but a PATH besides."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], env={"PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class Scenes:
    """
    All scenes, begun together.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pool = ThreadPoolExecutor(3)
        self._plays = {
            (kind, scene): self._pool.submit(self._play, kind, scene)
            for scene in ("hanging", "refusing", "development", "workers")
            for kind in ("tutorial", "ours")
        }
        folder = self._folder / "multiprocess"
        folder.mkdir()
        lone = hostile(folder)
        self._explicit = {
            (kind, env is lone): self._pool.submit(run, "tests.traps.explicit", kind, environment=env)
            for kind in ("tutorial", "ours")
            for env in ({}, lone)
        }
        shared = self._folder / "shared"
        shared.mkdir()
        self._multiprocess = self._pool.submit(
            run, "tests.traps.multiprocess", environment={"PROMETHEUS_MULTIPROC_DIR": str(shared)}
        )

    def _play(self, kind: str, scene: str) -> Played:
        folder = self._folder / f"{kind}-{scene}"
        folder.mkdir()
        server = "development" if scene == "development" else "gunicorn"
        if scene == "refusing":
            return play(kind, server, None, folder)
        with Collector(hang=scene == "hanging") as collector:
            return play(kind, server, collector, folder)

    def played(self, kind: str, scene: str) -> Played:
        return self._plays[kind, scene].result()

    def said(self, kind: str, *, hostile: bool) -> dict[str, Any]:
        """What `tests.traps.explicit` says in a silent or in a hostile environment."""
        document: dict[str, Any] = json.loads(self._explicit[kind, hostile].result())
        return document

    def of_several_workers(self, kind: str) -> str:
        """What a scrape gets where exemplars were made in several workers; with the packages in multiprocess mode."""
        return self.played("ours", "workers").exposition if kind == "ours" else self._multiprocess.result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
