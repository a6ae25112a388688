"""One running stack for all tests that leave it well; a stack of their own for those that end it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, Buyer, Running


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Started once; whatever a test does to it, it has to be well again afterwards."""
    one = Running(tmp_path_factory.mktemp("acceptance") / "home")
    try:
        yield one.until_up()
    finally:
        one.stop()


@pytest.fixture
def running(shared: Running) -> Running:
    shared.until_well()
    return shared


@pytest.fixture
def buyer(running: Running) -> Buyer:
    return running.buyer()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start a stack for one test alone: ``start(OTEL_BSP_SCHEDULE_DELAY="1000")``."""
    started: list[Running] = []

    def run(config: Path = ROOT, **environ: str) -> Running:
        started.append(Running(tmp_path / f"home-{len(started)}", config=config, **environ))
        return started[-1].until_up()

    yield run
    for one in started:
        one.stop()
        one.clew("down")
