"""Kill any part with -9 while it works: no loss without a number, nothing stored twice, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.supervisor import RUN_VARIABLE, processes
from tests.acceptance.books import Books, books
from tests.acceptance.load import CLIENTS, load
from tests.support.ports import is_free
from tests.support.running import LINES, ORDER, PROBLEM, SPANS, Running
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

REQUESTS = 300


@pytest.fixture(scope="module")
def slow_to_send(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack whose services keep access lines and spans for a second: a killed worker takes some along for sure."""
    one = Running(tmp_path_factory.mktemp("kills") / "home", "--no-journey", OTEL_BSP_SCHEDULE_DELAY="1000")
    try:
        yield one.until_up()
    finally:
        one.stop()
        one.clew("down")


@pytest.fixture
def running(slow_to_send: Running) -> Running:
    if slow_to_send.process.poll() is not None:
        slow_to_send.start_again().until_up()
    slow_to_send.until_well()
    return slow_to_send


def test_a_killed_stack_process_costs_nothing(running: Running) -> None:
    """
    Log files are a queue, and spans wait for the collector: the supervisor starts the stack again, and then everything
    that was emitted is stored, once.
    """
    restarts = running.part("stack").restarts
    buyer = running.buyer()
    killed = running.part("stack").pid
    done = load(running, buyer, REQUESTS, half_way=lambda: os.kill(killed, signal.SIGKILL))
    eventually(
        lambda: (running.part("stack").restarts, running.part("stack").state) == (restarts + 1, "ready"), timeout_s=20,
        what="the stack process is back",
    )

    assert Counter(answer.status for answer in done.answers) == {200: REQUESTS // 2, 201: REQUESTS // 2}
    even = eventually(lambda: all_is_there(running), timeout_s=20, interval_s=0.1, what="all emitted is stored")
    assert sum(even.stored.values()) > 8 * REQUESTS
    for answer in done.placing[:3] + done.placing[-3:]:
        found = running.dossier(answer.trace_id)
        assert (found["spans_total"], found["lines_total"]) == (SPANS, len(LINES))


def all_is_there(running: Running) -> Books:
    now = books(running)
    for key, emitted in now.emitted.items():
        row = now.ledger[key]
        assert (row["emitted"], row["stored"], row["dropped"], row["missing"]) == (emitted, emitted, 0, 0), row
        assert now.stored[key] == emitted
        if key[2] == "logs":
            assert now.written[key] == emitted
    assert set(now.stored) == set(now.emitted)
    return now


def test_what_a_killed_worker_takes_along_is_a_number(running: Running) -> None:
    """Emitted = stored + dropped + missing, per instance; who was waiting for an answer gets a problem document."""
    buyer = running.buyer()
    before = counted_orders(running)
    victim = running.workers("order")[0]
    done = load(running, buyer, REQUESTS, half_way=lambda: os.kill(victim, signal.SIGKILL))
    eventually(lambda: len(set(running.workers("order")) - {victim}) == 2, what="the worker is replaced")

    assert done.unanswered == 0
    refused = [answer for answer in done.answers if answer.status >= 500]
    assert len(refused) <= CLIENTS
    for answer in refused:
        assert answer.status in (502, 503)
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json["trace_id"] == answer.trace_id
    placed = sum(answer.status == 201 for answer in done.placing) + 1
    # Killed between the answer and its count: in flight, too.
    assert placed - CLIENTS <= counted_orders(running) - before <= placed + len(refused)

    lost = eventually(lambda: only_the_dead_one_misses_something(running, victim), timeout_s=20, interval_s=0.1)
    assert lost, "the dead one has an account; that it misses something is usual, but a matter of milliseconds"
    status = json.loads(running.clew("status", "--json").stdout)["stack"]["ledger"]
    overview = running.explorer("/overview.json")["ledger"]
    for ledger in (status, overview):
        missing = {row["signal"]: row["missing"] for row in ledger if row["instance"] == instance_of(running, victim)}
        assert missing == lost


def only_the_dead_one_misses_something(running: Running, victim: int) -> dict[str, int]:
    now = books(running)
    dead = instance_of(running, victim)
    lost: dict[str, int] = {}
    for key, emitted in now.emitted.items():
        row = now.ledger[key]
        assert row["emitted"] == emitted
        assert row["stored"] == now.stored[key]
        assert emitted == row["stored"] + row["dropped"] + row["missing"], row
        if key[1] == dead:
            lost[key[2]] = row["missing"]
        else:
            assert row["missing"] == 0, row
        if key[2] == "logs":
            assert now.written[key] == now.stored[key]
    return lost


def instance_of(running: Running, pid: int) -> str:
    """The instance whose lines say that *pid* wrote them."""
    sql = "SELECT DISTINCT document ->> '$.service.node.name' FROM line WHERE document ->> '$.process.pid' = ?"
    ((instance,),) = running.rows("logs", sql, pid)
    return str(instance)


def counted_orders(running: Running) -> float:
    return running.total(
        "order", "flask_http_request_duration_seconds_count", method="POST", url_rule="/orders", status="201"
    )


def test_nothing_of_a_killed_supervisor_remains_after_the_next_up_or_down(running: Running) -> None:
    """Not even a part that hangs at that moment and hears no SIGTERM."""
    order = running.gateway("POST", "/api/orders", ORDER, headers=running.buyer().headers)
    running.dossier(order.trace_id)
    first = running.record
    os.killpg(running.part("user").pid, signal.SIGSTOP)
    running.kill_supervisor()
    running.start_again().until_up()

    assert running.record.run_id != first.run_id
    assert processes_of(first.run_id) == []
    assert running.explorer(f"/requests/{order.trace_id}.json")["spans_total"] == SPANS

    second = running.record
    os.killpg(running.part("gateway").pid, signal.SIGSTOP)
    running.kill_supervisor()
    down = running.clew("down")

    assert down.returncode == 0
    assert "gateway" in down.stdout
    assert processes_of(second.run_id) == []
    assert [port for port in (*first.ports.values(), *second.ports.values()) if not is_free(port)] == []


def processes_of(run_id: str) -> list[str]:
    """The command of every living process that belongs to that run."""
    pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
    return [processes.command_of(pid) for pid in pids if processes.variable_of(pid, RUN_VARIABLE) == run_id]
