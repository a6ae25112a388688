"""`clew fault`: what it writes, what it refuses, and that the services understand what it wrote."""

from __future__ import annotations

import json
import os
import threading
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from clew.faults import Fault, edit_faults, read_faults
from clew.home import Home
from clew.main import main
from clew.supervisor import PartRecord, RunRecord, processes
from clew.supervisor.run_record import write_record
from services.shared import fault_file

ROUTES = ["GET /users/<user_id>", "POST /users"]


class _Service(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"service": "user", "routes": ROUTES, "faults": {}}).encode()
        self.send_response(200 if self.path == "/faults" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class Desk:
    """A home whose record says that a user service runs, and the command line."""

    def __init__(self, home: Home, port: int, capsys: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capsys = capsys
        self.record(port)

    def record(self, port: int, *names: str) -> None:
        identity = processes.identity(os.getpid())
        parts = tuple(
            PartRecord(name, "ready", os.getpid(), identity, port, 0.0, 0, 0.1, "")
            for name in names or ("stack", "user")
        )
        write_record(self.home.run, RunRecord(
            "run", os.getpid(), identity, "up", 0.0, "", {"USER_PORT": port, "EXPLORER_PORT": 1}, parts
        ))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        code = main(["fault", *arguments], {"CLEW_HOME": str(self.home.path)})
        said = self._capsys.readouterr()
        return code, said.out, said.err

    @property
    def faults(self) -> list[tuple[str, str, float, float, int]]:
        """As a service reads them."""
        found = fault_file.read_faults(self.home.faults.read_bytes())
        return [(f.service, f.route, f.latency_ms, f.error_ratio, f.status) for f in found]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    home = Home.at(tmp_path / "home")
    home.prepare()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Service) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield Desk(home, server.server_port, capsys)
        server.shutdown()
        thread.join()


def test_a_fault_that_is_set_is_read_by_a_service_as_it_was_meant(desk: Desk) -> None:
    code, out, _ = desk.run(
        "set", "user", "get /users/{user_id}", "--latency", "800ms", "--errors", "35%", "--status", "500"
    )

    assert (code, desk.faults) == (0, [("user", "GET /users/<user_id>", 800, 0.35, 500)])
    assert out == (
        "Set: user GET /users/<user_id>: 800 ms later, 35 % answered with 500. "
        "It holds from now on, until: clew fault clear\n"
    )


def test_a_second_fault_of_a_route_replaces_the_first_and_others_stay(desk: Desk) -> None:
    for arguments in (("--latency", "1.5s"), ("POST /users", "--errors", "0.5"), ("--errors", "5%")):
        assert desk.run("set", "user", *arguments)[0] == 0

    assert desk.faults == [("user", "POST /users", 0, 0.5, 503), ("user", "*", 0, 0.05, 503)]


def test_list_says_what_is_on_and_since_when(desk: Desk) -> None:
    assert desk.run("list") == (0, "No fault is on. Set one: clew fault set user --latency 800ms\n", "")
    desk.run("set", "user", "--latency", "800ms")
    _, out, _ = desk.run("list")
    code, document, _ = desk.run("list", "--json")
    (fault,) = json.loads(document)["faults"]

    assert out.splitlines()[0].split() == ["service", "route", "later", "by", "errors", "status", "since"]
    assert out.splitlines()[1].startswith("user      every route    800 ms     0 %")
    assert out.endswith("Z (0 min)\n")
    assert (code, fault["service"], fault["route"], fault["latency_ms"]) == (0, "user", "*", 800)
    assert fault["since"].endswith("Z")


def test_clear_ends_one_a_services_or_all(desk: Desk) -> None:
    def set_both() -> None:
        desk.run("set", "user", "--latency", "1s")
        desk.run("set", "user", "POST /users", "--errors", "10%")

    set_both()
    assert desk.run("clear", "user", "POST /users")[:2] == (
        0, "Cleared: user POST /users: 10 % answered with 503.\n"
    )
    assert [route for _, route, *_ in desk.faults] == ["*"]
    set_both()
    assert desk.run("clear", "user")[1].count("Cleared: ") == 2
    set_both()
    desk.run("clear")
    assert desk.faults == []
    assert desk.run("clear") == (0, "No fault is on.\n", "")


def test_clearing_what_is_not_on_says_what_is(desk: Desk) -> None:
    desk.run("set", "user", "--latency", "1s")

    assert desk.run("clear", "order") == (1, "", "No fault of order is on. On are: user every route.\n")


def test_an_unknown_service_or_route_is_refused_with_the_known_ones(desk: Desk) -> None:
    assert desk.run("set", "users", "--latency", "1s") == (
        1, "", "No service is called users. Running are: user.\n"
    )
    assert desk.run("set", "user", "GET /user", "--latency", "1s") == (
        1, "", "The user service has no route 'GET /user'. It has:\n  GET /users/<user_id>\n  POST /users\n"
    )
    assert not desk.home.faults.exists()


def test_without_a_stack_or_an_answering_service_the_way_on_is_named(desk: Desk, tmp_path: Path) -> None:
    desk.record(1)
    assert "does not answer, so its routes are unknown" in desk.run("set", "user", "POST /users", "--latency", "1s")[2]
    assert desk.run("set", "user", "--latency", "1s")[0] == 0
    desk.record(1, "stack")
    assert "None runs in this stack." in desk.run("set", "user", "--latency", "1s")[2]
    (desk.home.run / "state.json").unlink()
    assert desk.run("set", "user", "--latency", "1s")[2].endswith("Start it: clew up\n")


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("set", "user"), ("set", "user", "--latency", "800"), ("set", "user", "--latency", "2h"),
        ("set", "user", "--latency", "61s"), ("set", "user", "--errors", "101%"), ("set", "user", "--errors", "few"),
        ("set", "user", "--latency", "1s", "--status", "200"), ("stop",),
    ],
)
def test_wrong_usage_is_exit_code_2(desk: Desk, arguments: tuple[str, ...]) -> None:
    code, out, err = desk.run(*arguments)

    assert (code, out) == (2, "")
    assert err


@pytest.mark.parametrize(
    "text", ["[[fault]\n", "fault = 1\n", '[[fault]]\nroute = "*"\n', '[[fault]]\nservice = "user"\nlatency_ms = "x"\n']
)
def test_a_file_that_cannot_be_understood_is_not_overwritten(desk: Desk, text: str) -> None:
    desk.home.faults.write_text(text)
    for arguments in (("list",), ("clear",), ("set", "user", "--latency", "1s")):
        code, _, err = desk.run(*arguments)
        assert code == 1
        assert err.endswith("Mend it, or delete it to end all faults.\n")
    assert desk.home.faults.read_text() == text


def test_names_with_quotes_and_other_alphabets_survive_the_file(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()
    fault = Fault("us\"er\\", "GET /größe/<x>", 0.5, 0.125, 503, None)
    edit_faults(home, lambda _: [fault])

    assert read_faults(home.faults) == (fault,)


def test_edits_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    home = Home.at(tmp_path / "home")
    home.prepare()

    def add(number: int) -> None:
        edit_faults(home, lambda faults: (*faults, Fault("user", f"GET /{number}", 1, 0, 503, None)))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(40)))

    assert len(tomllib.loads(home.faults.read_text())["fault"]) == 40


def test_purging_a_home_deletes_its_faults(desk: Desk) -> None:
    desk.run("set", "user", "--latency", "1s")
    desk.home.purge()

    assert not desk.home.path.exists()
