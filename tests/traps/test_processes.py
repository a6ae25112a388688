"""Traps that need processes of their own: closed here, open in the tutorial's app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.traps.processes import PROCESSES, Act
from tests.traps.scenes import Scenes
from tests.traps.trap import Trap

pytestmark = pytest.mark.slow
EACH = pytest.mark.parametrize("trap", PROCESSES, ids=str)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenes]:
    scenes = Scenes(tmp_path_factory.mktemp("scenes"))
    yield scenes
    scenes.close()


@EACH
def test_the_trap_is_closed(trap: Trap[Act], scenes: Scenes) -> None:
    trap.check(Act("ours", scenes))


@EACH
def test_the_trap_is_open_in_the_tutorials_app(trap: Trap[Act], scenes: Scenes) -> None:
    """A test that cannot fail proves nothing."""
    with pytest.raises(AssertionError):
        trap.check(Act("tutorial", scenes))
