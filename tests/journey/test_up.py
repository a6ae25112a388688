"""Fresh start to Ctrl-C: everything comes up, one order is followed, nothing is left."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clew.cli.reading import stored_readers
from clew.store import LogFilter
from clew.supervisor import processes
from tests.support.ports import is_free
from tests.support.running import Running
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    one = Running(tmp_path_factory.mktemp("up") / "home")
    try:
        yield one.until_up()
    finally:
        one.stop()


def order_id(running: Running) -> str:
    found = re.search(r"ord_[0-9a-z]+", running.said())
    assert found is not None, running.said()
    return found[0]


def test_the_first_request_is_printed_followed(running: Running) -> None:
    said = running.said()

    assert re.search(r"^All ready in \d+\.\d s\.$", said, re.MULTILINE)
    assert re.search(r"^POST /api/orders answered 201 in ", said, re.MULTILINE)
    for service, span in (("gateway", "POST /api/orders"), ("order", "POST /orders"), ("user", "GET /users/<user_id>")):
        assert re.search(rf"ms  {service} +{re.escape(span)} +█", said), said
        assert re.search(rf" {service} +· info request\.finished ", said), said
    assert "order.placed" in said
    assert "<- this request" in said
    assert "says its exemplar" in said
    assert "Missing:" not in said
    assert f"/requests/{order_id(running)}" in said
    assert f"clew follow {order_id(running)}" in said


def test_follow_prints_the_document_of_the_page(running: Running) -> None:
    identity = order_id(running)
    answer = running.clew("follow", identity, "--json")

    assert answer.returncode == 0
    mine, page = json.loads(answer.stdout), running.explorer(f"/requests/{identity}.json")
    for growing in ("histogram", "gaps", "also"):  # other requests go on
        mine.pop(growing)
        page.pop(growing)
    assert mine == page
    assert {row["service"] for row in mine["rows"]} == {"gateway", "order", "user"}


def test_follow_writes_a_page_that_loads_nothing(running: Running, tmp_path: Path) -> None:
    file = tmp_path / "request.html"
    answer = running.clew("follow", order_id(running), "--html", str(file))

    assert (answer.returncode, answer.stdout) == (0, f"Written: {file}\n")
    assert "POST /api/orders" in file.read_text("utf-8")
    assert "<script" not in file.read_text("utf-8")


def test_follow_of_nothing_is_a_no_that_says_what_to_try(running: Running) -> None:
    answer = running.clew("follow", "ord_nowhere", "--wait", "0.1")

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("Nothing is stored about ord_nowhere within 0.1 s. ")


def test_the_ledger_of_status_adds_up(running: Running) -> None:
    """Emitted = stored + dropped + missing, and after a quiet moment nothing is missing."""

    def ledger() -> list[dict[str, Any]]:
        accounts: list[dict[str, Any]] = json.loads(running.clew("status", "--json").stdout)["stack"]["ledger"]
        assert accounts
        assert [account for account in accounts if account["missing"]] == []
        return accounts

    accounts = eventually(ledger, timeout_s=10)
    assert {(a["service"], a["signal"]) for a in accounts} == {
        (service, signal) for service in ("gateway", "order", "user") for signal in ("logs", "traces")
    }
    assert all(a["stored"] >= a["emitted"] - a["dropped"] for a in accounts)


def test_a_killed_service_comes_back_and_serves(running: Running) -> None:
    killed = running.part("gateway").pid
    os.kill(killed, signal.SIGKILL)

    def back() -> bool:
        gateway = running.part("gateway")
        return (gateway.restarts, gateway.state) == (1, "ready")

    eventually(back, timeout_s=20, what="the gateway is back")
    assert running.part("gateway").pid != killed
    assert "gateway stopped (signal 9). Restarting in 0." in running.said()
    assert running.clew("journey").returncode == 0


def test_ctrl_c_leaves_no_process_no_port_and_no_line_unread(running: Running) -> None:
    """The stack outlives the services and looks at their files one last time; what it stored can be read without it."""
    record = running.record
    began = time.monotonic()

    assert running.stop() == 0
    assert time.monotonic() - began < 5
    assert [processes.members(part.pid) for part in record.parts] == [[], [], [], []]
    assert [port for port in record.ports.values() if not is_free(port)] == []
    written = [line for file in running.home.logs.glob("*.jsonl") for line in file.read_text("utf-8").splitlines()]
    with stored_readers(running.home) as readers:
        stored = readers.logs.count(LogFilter())
    assert any("service.stopped" in line for line in written)
    assert stored == len(written)
    assert running.clew("follow", order_id(running)).returncode == 0
