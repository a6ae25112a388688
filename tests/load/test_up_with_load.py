"""`clew up --load`: load beside the services, for as long as they run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest

from clew.home import Home
from clew.parts import PORTS, Plan
from clew.supervisor import processes, read_record
from tests.support.lines import whole_lines
from tests.support.ports import ANY_PORTS
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


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
    home = Home.at(tmp_path / "home")
    environ = {"PATH": os.environ["PATH"], "CLEW_HOME": str(home.path), **ANY_PORTS}

    def clew(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "clew.main", *arguments], cwd=ROOT, env=environ, text=True, capture_output=True,
            timeout=30,
        )

    process = subprocess.Popen(
        [sys.executable, "-m", "clew.main", "up", "--load", "20", "--no-journey"], cwd=ROOT, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    try:
        record = eventually(
            lambda: (found := read_record(home.run)) and found.phase == "up" and found, timeout_s=30, what="it is up"
        )
        assert record
        assert [part.name for part in record.parts] == ["stack", "user", "order", "gateway", "load"]
        assert clew("fault", "set", "order", "GET /orders/{order_id}", "--errors", "100%").returncode == 0

        def injected() -> bool:
            lines = whole_lines(home.logs.glob("order-*.jsonl"))
            return any(line["event"].get("action") == "fault.injected" for line in lines)

        eventually(injected, what="the load runs into the fault")
        status = clew("status")
        assert "Fault on: order GET /orders/<order_id>: 100 % answered with 503, since " in status.stdout
        with urlopen(f"{record.url('EXPLORER_PORT')}/overview.json", timeout=5) as answer:
            (said,) = json.load(answer)["exercises"]
        assert said.startswith("Fault on: order GET /orders/<order_id>: 100 % answered with 503, since ")
    finally:
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=15)

    assert process.returncode == 0, output
    assert [processes.members(part.pid) for part in record.parts] == [[]] * 5
