"""Fixtures of the process tests: free ports, and a supervisor that is gone when the test is."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clew.supervisor import read_record
from clew.supervisor.sweep import sweep
from tests.cli.stage import Stage
from tests.support.ports import free_port


@pytest.fixture
def port() -> Callable[[], int]:
    """A function that gives another free port at each call."""
    return free_port


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Callable[..., Stage]]:
    """Start a supervisor over tiny children: ``stage("stack:8090", "user:8081:deaf")``."""
    started: list[Stage] = []

    def start(*descriptions: str) -> Stage:
        started.append(Stage.start(tmp_path, *descriptions))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.send_signal(signal.SIGKILL)
        one.process.wait()
        if one.process.stdout is not None:
            one.process.stdout.close()
        record = read_record(one.run_dir)
        if record is not None:
            sweep(record, grace_s=0.0)
