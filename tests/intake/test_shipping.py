"""`clew logstash`: the root logstash.conf carried out against a server, by the process that people start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from clew.stack.shipping import Busy, Shipping
from tests.intake.bulk_server import BulkServer, Item
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PIPELINE = (ROOT / "logstash.conf").read_text("utf-8")


@pytest.fixture
def server() -> Iterator[BulkServer]:
    with BulkServer() as one:
        yield one


class Shipper:
    def __init__(self, folder: Path, server: BulkServer) -> None:
        self.logs = folder / "home" / "logs"
        self.logs.mkdir(parents=True)
        self.data = folder / "home" / "positions" / "logstash"
        self.environ = {
            "PATH": os.environ["PATH"], "CLEW_HOME": str(folder / "home"), "ELASTICSEARCH_URL": server.url,
        }
        self.process = self.start()

    def start(self) -> subprocess.Popen[str]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "clew.main", "logstash"], cwd=ROOT, env=self.environ, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        return self.process

    def write(self, *numbers: int) -> None:
        with open(self.logs / "order-1.jsonl", "a") as file:
            for n in numbers:
                line = {"@timestamp": "2026-11-21T23:59:59.5Z", "message": f"line {n}", "event": {"id": f"a-{n}"}}
                file.write(json.dumps(line) + "\n")

    def end(self, number: int = signal.SIGTERM) -> str:
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=10)
        return said


@pytest.fixture
def shipper(tmp_path: Path, server: BulkServer) -> Iterator[Shipper]:
    one = Shipper(tmp_path, server)
    yield one
    if one.process.poll() is None:
        one.end(signal.SIGKILL)


def ids(server: BulkServer) -> set[tuple[str, str]]:
    return set(server.documents)


def wanted(*numbers: int) -> set[tuple[str, str]]:
    return {("clew-logs-2026.11.21", f"a-{n}") for n in numbers}


@pytest.mark.slow
def test_lines_arrive_and_a_later_start_does_not_send_them_again(shipper: Shipper, server: BulkServer) -> None:
    shipper.write(1, 2)
    eventually(lambda: ids(server) == wanted(1, 2), what="both lines arrive")
    said = shipper.end()
    assert shipper.process.returncode == 0
    assert "documents_stored 2" in said
    shipper.write(3)
    shipper.start()
    eventually(lambda: ids(server) == wanted(1, 2, 3), what="the third line arrives")
    assert set(server.offered.values()) == {1}


@pytest.mark.slow
def test_a_killed_shipper_and_a_server_that_was_away_lose_nothing(shipper: Shipper, server: BulkServer) -> None:
    """At least once, and by its id once."""
    shipper.write(1)
    eventually(lambda: ids(server) == wanted(1), what="the first line arrives")
    server.status = [503] * 4
    shipper.write(2, 3)
    eventually(lambda: len(server.status) < 3, what="the server has refused twice")
    shipper.end(signal.SIGKILL)
    shipper.write(4)
    shipper.start()
    eventually(lambda: ids(server) == wanted(1, 2, 3, 4), what="all lines arrive")
    assert "it is asked again" in shipper.end()


@pytest.mark.slow
def test_a_line_that_the_server_never_takes_is_kept_aside_and_stops_no_other(
    shipper: Shipper, server: BulkServer
) -> None:
    error = {"type": "document_parsing_exception", "reason": "no"}
    refusal: Item = {"status": 400, "error": error}
    server.item = lambda document: refusal if document["event"]["id"] == "a-2" else None
    shipper.write(1, 2, 3)
    eventually(lambda: ids(server) == wanted(1, 3), what="the others arrive")
    assert "aside:refused 1, bytes_behind 0, documents_stored 2, lines_read 3" in shipper.end()
    (kept,) = (shipper.data / "aside").iterdir()
    assert b"400 document_parsing_exception: no" in kept.read_bytes()
    assert b"line 2" in kept.read_bytes()


@pytest.mark.slow
def test_a_server_that_never_answers_does_not_keep_it_from_ending(shipper: Shipper, server: BulkServer) -> None:
    """Its request would be given up after 60 s. The next start sends what was not acknowledged."""
    server.status = [-1]
    shipper.write(1)
    eventually(lambda: server.requests, what="the server is asked")
    assert "The last request is without an answer." in shipper.end(signal.SIGINT)
    assert shipper.process.returncode == 0
    shipper.start()
    eventually(lambda: ids(server) == wanted(1), what="the line arrives")


@pytest.mark.slow
def test_two_shippers_do_not_share_positions(shipper: Shipper, server: BulkServer) -> None:
    shipper.write(1)
    eventually(lambda: server.documents, what="the first one works")
    with pytest.raises(Busy, match="Another clew logstash works with"):
        Shipping(PIPELINE, filename="logstash.conf", data=shipper.data, report=print,
                 environ={"LOG_DIR": str(shipper.logs), "ELASTICSEARCH_URL": server.url})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "why"),
    [(("-f", "nowhere.conf"), "Cannot use nowhere.conf: No such file"), (("-f", "Makefile"), "Makefile:3:1:")],
)
def test_a_pipeline_that_cannot_be_carried_out_is_refused_in_a_sentence(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "clew.main", "logstash", *arguments], cwd=ROOT, text=True, capture_output=True,
        env={"PATH": os.environ["PATH"], "CLEW_HOME": str(tmp_path)}, timeout=20,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert why in ran.stderr


def test_the_pauses_between_retries_are_those_of_the_output(tmp_path: Path) -> None:
    from clew.stack.shipping import _retry_s

    assert _retry_s({}) is None
    assert _retry_s({"retry_initial_interval": 1}) == (1.0, 64.0)
    assert _retry_s({"retry_max_interval": 5}) == (2.0, 5.0)
