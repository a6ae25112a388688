"""The served app as a fixture: started, asked, and gone at the end, with everything it left in a folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.lines import whole_lines
from tests.support.waiting import eventually

DURATION = "flask_http_request_duration_seconds"


class Served:
    def __init__(self, folder: Path, collector: str, workers: int) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.workers.serve", str(folder), collector, str(workers)],
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=(folder / "errors").open("w"),
        )
        eventually((folder / "port").exists, timeout_s=20, what="the server's start")
        self.port = int((folder / "port").read_text())
        self.worker_count = workers
        eventually(lambda: len(self.workers()) == workers, what="the workers' start")

    def workers(self) -> list[int]:
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def get(self, path: str) -> tuple[int, int]:
        """The status, and whose answer it is; 0 and 0 if there was no answer, or only the beginning of one."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                answer.read()
                return int(answer.status), int(answer.headers["X-Pid"])
        except HTTPError as error:
            with error:
                return error.code, int(error.headers["X-Pid"])
        except (OSError, HTTPException):
            return 0, 0

    def samples(self) -> list[Sample]:
        asked = Request(f"http://127.0.0.1:{self.port}/metrics", headers={"Accept": "application/openmetrics-text"})
        with urlopen(asked, timeout=10) as answer:
            text = answer.read().decode()
        return [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def total(self, name: str, **labels: str) -> float:
        return sum(s.value for s in self.samples() if s.name == name and labels.items() <= s.labels.items())

    def lines(self) -> list[dict[str, Any]]:
        return whole_lines((self.folder / "logs").glob("*.jsonl"))

    def stop(self, number: int = signal.SIGTERM, within_s: float = 10) -> None:
        if self.process.poll() is None:
            os.kill(self.process.pid, number)
            self.process.wait(within_s)

    def sweep(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str, int], Served]]:
    served: list[Served] = []

    def start(collector: str, workers: int) -> Served:
        served.append(Served(tmp_path, collector, workers))
        return served[-1]

    yield start
    for one in served:
        one.sweep()
