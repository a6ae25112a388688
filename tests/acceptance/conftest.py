"""One running stack for all tests that leave it well. Those that end it start their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.running import Buyer, Running


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Started once; whatever a test does to it, it has to be well again afterwards."""
    one = Running(tmp_path_factory.mktemp("acceptance") / "home", "--no-journey")
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
