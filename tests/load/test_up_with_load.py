"""`clew up --load`: load beside the services, for as long as they run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clew.home import Home
from clew.parts import PORTS, Plan
from clew.supervisor import processes
from tests.support.lines import whole_lines
from tests.support.running import ROOT, Running
from tests.support.waiting import eventually


def test_the_load_is_a_part_that_starts_after_the_gateway_and_never_ends_by_itself(tmp_path: Path) -> None:
    ports = dict(zip(PORTS, range(9001, 9006), strict=True))
    plan = Plan(
        home=Home.at(tmp_path), environ={}, ports=ports, config_dir=ROOT, run_id="run", load_rps=2.5
    )
    *_, load = plan.parts()

    assert (load.name, load.after) == ("load", ("gateway",))
    assert load.command[3:] == (
        "load", "--rps", "2.5", "--duration", "0", "--every", "60s", "--gateway", "http://127.0.0.1:9001"
    )


@pytest.mark.slow
def test_load_without_services_is_wrong_usage(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "clew.main", "up", "--load", "5", "--no-services"], cwd=ROOT, text=True,
        env={"PATH": os.environ["PATH"], "CLEW_HOME": str(tmp_path / "home")}, capture_output=True, timeout=20,
    )

    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr == "--load needs services; leave --no-services out.\n"


@pytest.mark.slow
def test_a_stack_with_load_and_a_fault_says_both_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """The fault reaches the service through the file that `clew up` names to it; what it hits is logged and traced."""
    running = Running(tmp_path / "home", "--load", "20", "--no-journey")
    try:
        running.until_up()
        parts = running.record.parts
        assert [part.name for part in parts] == ["stack", "user", "order", "gateway", "load"]
        assert running.clew("fault", "set", "order", "GET /orders/{order_id}", "--errors", "100%").returncode == 0

        def injected() -> bool:
            lines = whole_lines(running.home.logs.glob("order-*.jsonl"))
            return any(line["event"].get("action") == "fault.injected" for line in lines)

        eventually(injected, what="the load runs into the fault")
        on = "Fault on: order GET /orders/<order_id>: 100 % answered with 503, since "
        assert on in running.clew("status").stdout
        (said,) = running.explorer("/overview.json")["exercises"]
        assert said.startswith(on)
    finally:
        code = running.stop()

    assert code == 0, running.said()
    assert [processes.members(part.pid) for part in parts] == [[]] * 5
