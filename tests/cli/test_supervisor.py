"""The supervisor against real processes: what starts, what dies, what is left."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from clew.supervisor import RunRecord, processes
from clew.supervisor.sweep import leftovers, sweep
from tests.cli.stage import Stage
from tests.support.ports import is_free
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

StartStage = Callable[..., Stage]
FreePort = Callable[[], int]


def test_parts_start_after_what_they_need_and_say_how_long_it_took(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}:chatty", f"user:{port()}", f"order:{port()}")
    record = one.until("up")
    one.process.send_signal(signal.SIGINT)
    code, output = one.end()

    assert code == 0
    assert [part.state for part in record.parts] == ["ready", "ready", "ready"]
    lines = output.splitlines()
    assert lines[0] == "stack   | hello from the child"
    assert lines[1].startswith("stack    ready in 0.")
    assert {line.split()[0] for line in lines[2:4]} == {"user", "order"}
    assert lines[4].startswith("All ready in ")


def test_the_errand_runs_when_all_are_ready_and_its_failure_stops_nothing(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}", "errand:print('I failed'); raise SystemExit(1)")
    record = one.until("up")
    one.process.send_signal(signal.SIGINT)
    _, output = one.end()

    assert record.parts[0].state == "ready"
    assert [line.split(" in ")[0] for line in output.splitlines()[1:4]] == ["All ready", "I failed", "Stop it: Ctrl-C"]


def test_an_errand_that_does_not_end_is_cut_short(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}", "errand:import time; time.sleep(30)")
    one.until("up")

    assert "The first journey did not end in 0.5 s and was cut short." in said(one)


def test_ctrl_c_during_the_errand_ends_it_too(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}", "errand:import os, time; print(os.getpid(), flush=True); time.sleep(30)")
    pid = eventually(lambda: next((int(line) for line in said(one).splitlines() if line.isdigit()), 0))
    one.process.send_signal(signal.SIGINT)

    assert one.end()[0] == 0
    assert processes.identity(pid) == ""


def test_ctrl_c_ends_all_parts_and_frees_their_ports(stage: StartStage, port: FreePort) -> None:
    ports = [port() for _ in range(3)]
    one = stage(f"stack:{ports[0]}", f"user:{ports[1]}", f"order:{ports[2]}")
    one.until("up")
    pids = one.pids()
    one.process.send_signal(signal.SIGINT)
    code, output = one.end()

    assert code == 0
    assert "All stopped in " in output
    assert [processes.members(pid) for pid in pids.values()] == [[], [], []]
    assert all(is_free(number) for number in ports)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_sigterm_and_a_closed_terminal_stop_it_like_ctrl_c(
    stage: StartStage, port: FreePort, number: signal.Signals
) -> None:
    one = stage(f"stack:{port()}")
    pid = one.until("up").parts[0].pid
    one.process.send_signal(number)

    code, output = one.end()
    assert code == 0
    assert f"Asked to stop ({number.name})." in output
    assert processes.members(pid) == []


def test_a_killed_part_is_started_again_and_the_line_names_the_next_command(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}", f"order:{port()}")
    one.until("up")
    killed = one.pids()["order"]
    os.kill(killed, signal.SIGKILL)

    order = eventually(lambda: (p := one.record().parts[1]).state == "ready" and p.pid != killed and p, what="restart")
    assert (order.restarts, order.last_exit) == (1, "signal 9")
    one.process.send_signal(signal.SIGTERM)
    _, output = one.end()
    assert "order stopped (signal 9). Restarting in 0.1 s. See it: clew status" in output
    assert "order    ready again in " in output


def test_a_grandchild_that_outlives_its_parent_is_ended_before_the_restart(stage: StartStage, port: FreePort) -> None:
    """Else it would keep the port, and the part could never come back."""
    number = port()
    one = stage(f"stack:{number}:fork")
    one.until("up")
    leader = one.pids()["stack"]
    assert len(processes.members(leader)) == 2
    os.kill(leader, signal.SIGKILL)

    eventually(lambda: one.record().parts[0].restarts == 1 and one.record().parts[0].state == "ready")
    assert processes.members(leader) == []


def test_a_part_that_cannot_start_is_given_up_at_once_and_the_others_stop(stage: StartStage, port: FreePort) -> None:
    number = port()
    one = stage(f"stack:{number}", f"user:{port()}:broken")

    code, output = one.end()
    assert code == 1
    assert "user    | I was built wrong" in output
    assert "user stopped (exit 3) before it was ready. Giving it up. Read why: " in output
    assert "The stack could not start." in output
    assert is_free(number)


def test_a_part_that_keeps_dying_later_is_given_up_and_the_rest_goes_on(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}", f"user:{port()}")
    one.until("up")
    for deaths in range(3):
        ready = eventually(lambda n=deaths: (p := one.record().parts[1]).restarts == n and p.state == "ready" and p)
        os.kill(ready.pid, signal.SIGKILL)

    eventually(lambda: one.record().parts[1].state == "failed")
    assert "user stopped (signal 9) 3 times within seconds of its start. Giving it up. Read why: " in said(one)
    assert one.record().parts[0].state == "ready"
    assert one.record().phase == "up"


def test_ctrl_c_during_the_start_leaves_nothing(stage: StartStage, port: FreePort) -> None:
    ports = [port(), port()]
    one = stage(f"stack:{ports[0]}", f"user:{ports[1]}:slow")
    eventually(lambda: one.record().parts[1].state == "starting")
    pids = one.pids()
    one.process.send_signal(signal.SIGINT)

    code, _ = one.end()
    assert code == 0
    assert [processes.members(pid) for pid in pids.values()] == [[], []]


def test_a_part_that_ignores_sigterm_is_killed_with_all_it_started(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}:deaf", f"user:{port()}:fork:deaf")
    one.until("up")
    pids = one.pids()
    one.process.send_signal(signal.SIGTERM)

    code, output = one.end(timeout_s=5.0)
    assert code == 0
    assert "All stopped in 1." in output
    assert [processes.members(pid) for pid in pids.values()] == [[], []]


def test_a_second_ctrl_c_does_not_wait_for_anyone(stage: StartStage, port: FreePort) -> None:
    """Parts that would be given a minute."""
    one = stage(*(f"{name}:{port()}:deaf:indulged" for name in ("stack", "user", "order", "gateway")))
    one.until("up")
    one.process.send_signal(signal.SIGINT)
    one.until("stopping")
    # A second key press, not the same one seen twice: it has to come 0.3 s later. And no third one, which might hit the
    # process when it has done all and ends.
    soon = time.monotonic() + 0.35
    eventually(lambda: time.monotonic() > soon)
    one.process.send_signal(signal.SIGINT)

    code, output = one.end()
    assert code == 0
    assert "\nStopping at once.\nAll stopped in " in output


def test_a_start_that_takes_too_long_names_the_check_that_did_not_pass(stage: StartStage, port: FreePort) -> None:
    number = port()
    one = stage(f"stack:{number}:unready")

    code, output = one.end()
    assert code == 1
    assert f"Not ready after 0.5 s: stack (http://127.0.0.1:{number}/healthz: " in output


def test_a_supervisor_that_is_killed_takes_its_children_with_it(stage: StartStage, port: FreePort) -> None:
    one = stage(f"stack:{port()}", f"user:{port()}")
    record = one.until("up")
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()

    eventually(lambda: not leftovers(record), what="the children are gone")


def test_what_ignored_the_death_of_its_supervisor_is_swept(stage: StartStage, port: FreePort) -> None:
    ports = [port(), port()]
    one = stage(f"stack:{ports[0]}:deaf", f"user:{ports[1]}:fork")
    record = one.until("up")
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    eventually(lambda: len(processes.members(one_pid(record, "user"))) == 1, what="only the deaf grandchild is left")

    assert sweep(record, grace_s=0.1) == ["stack", "user"]
    assert leftovers(record) == []
    assert all(is_free(number) for number in ports)


def test_a_process_that_only_has_the_same_pid_is_left_alone(stage: StartStage, port: FreePort) -> None:
    """A recorded pid counts only with its start time: after a reboot it may be anybody's."""
    one = stage(f"stack:{port()}")
    record = one.until("up")
    stranger = replace(record, run_id="other", parts=(replace(record.parts[0], identity="another-boot:1"),))

    assert sweep(stranger) == []
    assert one.record().parts[0].state == "ready"


def said(one: Stage) -> str:
    log = one.run_dir / "up.log"
    return log.read_text("utf-8") if log.exists() else ""


def one_pid(record: RunRecord, name: str) -> int:
    return next(part.pid for part in record.parts if part.name == name)
