"""`clew up` as a person meets it: what it refuses, and what a stack without services does."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clew.home import Home
from clew.supervisor import RunRecord, processes, read_record
from tests.support.ports import ANY_PORTS, is_free
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


class Place:
    """One CLEW_HOME and the commands that are run on it, from the directory of our own configuration files."""

    def __init__(self, home: Path) -> None:
        self.home = Home.at(home)
        self.started: list[subprocess.Popen[str]] = []

    def environ(self, **more: str) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "CLEW_HOME": str(self.home.path), **ANY_PORTS, **more}

    def run(self, *arguments: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "clew.main", *arguments], cwd=cwd, env=self.environ(**environ), text=True,
            capture_output=True, timeout=30,
        )

    def start(self, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        self.started.append(subprocess.Popen(
            [sys.executable, "-m", "clew.main", "up", *arguments], cwd=ROOT, env=self.environ(**environ), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ))
        return self.started[-1]

    def until_up(self) -> RunRecord:
        def up() -> RunRecord | None:
            record = read_record(self.home.run)
            return record if record is not None and record.phase == "up" else None

        record = eventually(up, timeout_s=20, what="clew up is up")
        assert record is not None
        return record


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    one = Place(tmp_path / "home")
    yield one
    for process in one.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.communicate(timeout=10)
    one.run("down")


def test_ctrl_c_leaves_no_process_and_no_port(place: Place) -> None:
    process = place.start("--no-services")
    record = place.until_up()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=10)

    assert process.returncode == 0
    assert time.monotonic() - began < 5
    assert output.splitlines()[-1].startswith("All stopped in ")
    assert is_free(record.ports["EXPLORER_PORT"])
    assert is_free(record.ports["OTLP_PORT"])
    assert [processes.members(part.pid) for part in record.parts] == [[]]


def test_a_second_up_says_who_runs_and_where(place: Place) -> None:
    place.start("--no-services")
    record = place.until_up()
    for arguments in ((), ("--detach",)):
        answer = place.run("up", *arguments)

        assert (answer.returncode, answer.stdout) == (1, "")
        assert answer.stderr == (
            f"Clew is already running here (process {record.pid}): explorer {record.url('EXPLORER_PORT')}. "
            "Stop it: clew down\n"
        )


def test_of_two_at_the_same_moment_one_runs(place: Place) -> None:
    both = [place.start("--no-services"), place.start("--no-services")]
    runs = place.until_up().pid
    (other,) = [process for process in both if process.pid != runs]
    output, _ = other.communicate(timeout=10)

    assert other.returncode == 1
    assert output.startswith(("Clew is already running here", "Another clew up "))


def test_a_detached_stack_is_ready_when_the_command_returns_and_down_stops_it(place: Place) -> None:
    answer = place.run("up", "--detach", "--no-services")
    record = place.until_up()

    assert answer.returncode == 0
    opening = [line.split(":")[0] for line in answer.stdout.splitlines()[:3]]
    assert opening == ["alerts/services.rules.yml", "prometheus.yml", "prometheus.yml"]  # what is left to Prometheus
    assert answer.stdout.splitlines()[-1] == f"Explorer {record.url('EXPLORER_PORT')}   Stop it: clew down"
    status = place.run("status")
    assert status.returncode == 0
    assert "stack     ready" in status.stdout
    down = place.run("down", "--purge")
    assert (down.returncode, down.stderr) == (0, "")
    assert not record.alive
    assert not place.home.path.exists()


def test_status_as_json_has_parts_sources_ledger_and_sizes(place: Place) -> None:
    place.start("--no-services")
    place.until_up()
    document = json.loads(place.run("status", "--json").stdout)

    assert [(part["name"], part["state"]) for part in document["parts"]] == [("stack", "ready")]
    assert {source["signal"] for source in document["stack"]["sources"]} == {"logs", "metrics", "traces"}
    assert document["stack"]["ledger"] == []
    assert document["stack"]["bytes_behind"] == 0
    assert set(document["stack"]["store_bytes"]) == {"logs", "samples", "spans"}


def test_status_is_a_no_when_the_stack_process_does_not_answer(place: Place) -> None:
    place.start("--no-services")
    record = place.until_up()
    os.kill(record.parts[0].pid, signal.SIGSTOP)
    answer = place.run("status")
    os.kill(record.parts[0].pid, signal.SIGCONT)

    assert answer.returncode == 1
    assert "The stack process does not answer" in answer.stdout


def test_a_killed_up_takes_the_stack_with_it_and_the_next_one_starts(place: Place) -> None:
    process = place.start("--no-services")
    first = place.until_up()
    process.kill()
    process.wait()
    eventually(lambda: processes.members(first.parts[0].pid) == [], what="the stack process is gone")
    assert place.run("status").returncode == 1
    place.start("--no-services")

    eventually(lambda: place.until_up().run_id != first.run_id)


def test_down_stops_an_up_that_was_put_to_sleep(place: Place) -> None:
    """With Ctrl-Z, say."""
    process = place.start("--no-services")
    record = place.until_up()
    os.kill(process.pid, signal.SIGSTOP)
    answer = place.run("down")

    assert answer.returncode == 0
    assert [processes.members(part.pid) for part in record.parts] == [[]]


def test_a_taken_port_is_said_before_anything_starts(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        number = holder.getsockname()[1]
        answer = place.run("up", EXPLORER_PORT=str(number))

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(f"Port {number} is taken by process {os.getpid()} (")
    assert "Use another: EXPLORER_PORT=" in answer.stderr
    assert not (place.home.run / "stack.log").exists()


def test_wrong_files_are_said_before_anything_starts(place: Place, tmp_path: Path) -> None:
    (tmp_path / "logstash.conf").write_text("input { file { path => '/x' } }\nfilter { grok { } }\noutput { }\n")
    (tmp_path / "prometheus.yml").write_text("remote_write: []\n")
    answer = place.run("up", "--config", str(tmp_path))

    assert (answer.returncode, answer.stdout) == (1, "")
    assert [line.split(" ")[0] for line in answer.stderr.splitlines()] == ["logstash.conf:2:10:", "prometheus.yml:1:1:"]
    assert not place.home.path.exists()


def test_up_where_there_are_no_files_says_where_to_go(place: Place, tmp_path: Path) -> None:
    answer = place.run("up", cwd=tmp_path)

    assert answer.returncode == 1
    assert answer.stderr.startswith(f"There is no logstash.conf and no prometheus.yml in {tmp_path}.")


def test_a_home_that_cannot_be_made_names_the_variable(place: Place, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    answer = place.run("up", CLEW_HOME=str(tmp_path / "file" / "home"))

    assert answer.returncode == 1
    assert answer.stderr == (
        f"Cannot write to {tmp_path}/file/home: Not a directory. Set CLEW_HOME to a directory that can be written.\n"
    )


def test_an_interrupt_while_a_detached_stack_starts_stops_it_again(
    place: Place, port: Callable[[], int]
) -> None:
    process = place.start("--detach")
    eventually(lambda: (record := read_record(place.home.run)) is not None and record.parts[0].pid > 0)
    record = read_record(place.home.run)
    assert record is not None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=10)

    assert process.returncode == 130
    assert not record.alive
    assert processes.members(record.parts[0].pid) == []
