"""Traps that are sprung in this process: closed here, open in the tutorial's app."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.traps.logs import LOGS
from tests.traps.metrics import METRICS
from tests.traps.secrets import SECRETS
from tests.traps.stage import Stage, stage
from tests.traps.traces import TRACES
from tests.traps.trap import Trap

EACH = pytest.mark.parametrize("trap", [*METRICS, *TRACES, *LOGS, *SECRETS], ids=str)


@EACH
def test_the_trap_is_closed(trap: Trap[Stage], tmp_path: Path) -> None:
    with stage("ours", tmp_path, {}) as here:
        trap.check(here)


@EACH
def test_the_trap_is_open_in_the_tutorials_app(trap: Trap[Stage], tmp_path: Path) -> None:
    """A test that cannot fail proves nothing."""
    with stage("tutorial", tmp_path, trap.tutorial) as here, pytest.raises(AssertionError):
        trap.check(here)
