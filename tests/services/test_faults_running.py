"""Faults in real service processes, as `clew fault` sets them."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from clew.faults import Fault, edit_faults
from clew.home import Home
from tests.services.processes import running
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


def test_all_workers_of_a_running_service_take_a_fault_over_and_let_it_go(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()
    with running(tmp_path, "user", FAULTS_FILE=str(home.faults)) as services:
        user = services["user"]

        def statuses() -> set[int]:
            return {requests.get(f"{user.url}/users/usr_1", timeout=5).status_code for _ in range(8)}

        def said() -> dict[str, object]:
            faults: dict[str, object] = requests.get(user.url + "/faults", timeout=5).json()["faults"]
            return faults

        assert statuses() == {404}
        edit_faults(home, lambda _: [Fault("user", "GET /users/<user_id>", 20, 1, 503, None)])
        eventually(lambda: statuses() == {503}, what="the workers answer with the fault")
        eventually(lambda: said() == {"GET /users/<user_id>": {"latency_ms": 20, "error_ratio": 1, "status": 503}})
        assert requests.get(user.url + "/readyz", timeout=5).status_code == 200
        home.faults.unlink()
        eventually(lambda: statuses() == {404}, what="the workers answer as before")
        user.stop()  # which hands over what is not written yet

    injected = [line for line in user.lines() if line["event"].get("action") == "fault.injected"]
    faulted = [line for line in user.lines() if line.get("http", {}).get("response", {}).get("status_code") == 503]
    assert {line["trace"]["id"] for line in injected} == {line["trace"]["id"] for line in faulted}
    assert all(line["event"]["duration"] >= 20e6 for line in faulted)
