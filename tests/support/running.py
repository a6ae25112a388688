"""A real `clew up` in a home of its own, and how a test asks it: through its ports, its files and its commands."""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from clew.home import Home
from clew.supervisor import PartRecord, RunRecord, processes, read_record
from tests.support.ports import ANY_PORTS
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("gateway", "order", "user")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
PROBLEM = "application/problem+json"
ORDER = {"items": [{"sku": "ball-of-thread", "quantity": 2, "unit_amount": 450}], "currency": "EUR"}
SPANS = 7
"""Of a placed order: three servers, two calls, a statement of order and one of user."""
LINES = [
    ("gateway", "request.finished"), ("order", "order.placed"), ("order", "request.finished"),
    ("user", "request.finished"),
]
"""Of a placed order: service and action, sorted."""


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP. *headers* with names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def trace_id(self) -> str:
        return self.headers["x-trace-id"]

    @property
    def request_id(self) -> str:
        return self.headers["x-request-id"]


def ask(
    port: int, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None,
    timeout_s: float = 15.0,
) -> Answer:
    """One request on a connection of its own. *body* is sent as JSON unless it is bytes."""
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with closing(connection):
        connection.request(method, path, body, sent)
        answer = connection.getresponse()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


def answers(port: int, path: str) -> bool:
    """Whether GET *path* is answered with 200."""
    try:
        return ask(port, "GET", path).status == 200
    except (OSError, http.client.HTTPException):
        return False


@dataclass(frozen=True)
class Buyer:
    """A registered user who is logged in."""

    username: str
    user_id: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class FrontDoor:
    """What a caller does at the gateway of services that run somehow."""

    def port(self, name: str) -> int:
        """Where the service *name* listens."""
        raise NotImplementedError

    def gateway(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        return ask(self.port("gateway"), method, path, body, headers=headers)

    def buyer(self) -> Buyer:
        """A new user, logged in."""
        login = {"username": f"ada-{secrets.token_hex(6)}", "password": secrets.token_urlsafe(24)}
        registered = self.gateway("POST", "/api/users", {**login, "name": "Ada"})
        opened = self.gateway("POST", "/api/sessions", login)
        assert (registered.status, opened.status) == (201, 201), (registered, opened)
        return Buyer(login["username"], registered.json["id"], opened.json["token"])


class Running(FrontDoor):
    """
    One `clew up` on free ports.

    :param options: of `clew up`.
    :param config: where `logstash.conf` and `prometheus.yml` are.
    :param environ: settings on top of the usual ones.
    """

    def __init__(self, home: Path, *options: str, config: Path = ROOT, **environ: str) -> None:
        self.home = Home.at(home)
        self._environ = {
            "PATH": os.environ["PATH"], "CLEW_HOME": str(home), **ANY_PORTS, **environ,
        }
        self._options = (*options, "--config", str(config))
        self.process = self._up()

    def _up(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "clew.main", "up", *self._options], cwd=ROOT, env=self._environ,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    # ---- the processes -------------------------------------------------------------------------------------------

    @property
    def record(self) -> RunRecord:
        record = read_record(self.home.run)
        assert record is not None, "nothing has been started yet"
        return record

    def part(self, name: str) -> PartRecord:
        return next(part for part in self.record.parts if part.name == name)

    def workers(self, name: str) -> list[int]:
        """Pids of the gunicorn workers of a service."""
        master = self.part(name).pid
        return [pid for pid in processes.members(master) if pid != master]

    def until_up(self) -> Running:
        def up() -> bool:
            assert self.process.poll() is None, self.said()
            record = self.record  # read once: the next one may be another run's
            return (record.phase, record.pid) == ("up", self.process.pid)

        eventually(up, timeout_s=60, what="clew up is up")
        return self

    def said(self) -> str:
        """What `clew up` has said so far."""
        return (self.home.run / "up.log").read_text("utf-8")

    def until_well(self) -> None:
        """Every part is ready with all its workers, and every service says so itself."""

        def well() -> bool:
            assert [part.state for part in self.record.parts] == ["ready"] * 4, self.record.parts
            return all(len(self.workers(name)) >= 2 and answers(self.port(name), "/readyz") for name in SERVICES)

        eventually(well, timeout_s=60, interval_s=0.05, what="every part is ready")

    def stop(self) -> int:
        """Ctrl-C; the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)

    def start_again(self) -> Running:
        """A new `clew up` in the same home."""
        self.process = self._up()
        return self

    def kill_supervisor(self) -> None:
        self.process.kill()
        self.process.wait(5)

    @contextmanager
    def asleep(self, name: str) -> Iterator[None]:
        """A part whose every process hangs: it takes connections and never answers."""
        group = self.part(name).pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    @contextmanager
    def dead(self, name: str) -> Iterator[None]:
        """
        A part that is gone: connections are refused. The supervisor is put to sleep meanwhile, or it would start the
        part again within a second.
        """
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            os.killpg(self.part(name).pid, signal.SIGKILL)
            eventually(lambda: not processes.members(self.part(name).pid), what=f"{name} is gone")
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    def clew(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "clew.main", *arguments], cwd=ROOT, env=self._environ, text=True,
            capture_output=True, timeout=60,
        )

    # ---- the front door ------------------------------------------------------------------------------------------

    def port(self, name: str) -> int:
        return self.record.ports[f"{name.upper()}_PORT"]

    # ---- what the stack knows ------------------------------------------------------------------------------------

    def explorer(self, path: str) -> Any:
        """A page's JSON twin."""
        answer = ask(self.port("explorer"), "GET", path)
        assert answer.status == 200, (path, answer)
        return answer.json

    def status(self) -> Any:
        return self.explorer("/-/status")

    def scrape(self) -> None:
        """Have the stack scrape everything now; done when this returns."""
        assert ask(self.port("explorer"), "POST", "/-/scrape").status == 200

    def dossier(self, any_id: str, *services: str, gaps: tuple[str, ...] = ()) -> Any:
        """
        ``/requests/<id>.json`` once lines and spans of all *services* (default: all three) have arrived.

        :param gaps: kinds of gaps that are meant to stay.
        """
        wanted = set(services or SERVICES)

        def arrived() -> Any:
            answer = ask(self.port("explorer"), "GET", f"/requests/{any_id}.json")
            assert answer.status == 200, answer
            found = answer.json
            assert [gap for gap in found["gaps"] if gap["kind"] not in ("metric", *gaps)] == []
            assert wanted <= set(found["services"]), found["services"]
            return found

        return eventually(arrived, timeout_s=20, what=f"everything about {any_id}")

    def rows(self, store: str, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Straight from ``store/<store>.db``."""
        with closing(sqlite3.connect(f"file:{self.home.store / store}.db?mode=ro", uri=True)) as database:
            return database.execute(sql, values).fetchall()

    def lines(self, trace_id: str) -> list[dict[str, Any]]:
        """The stored log documents of a trace, in order."""
        found = self.rows(
            "logs", "SELECT document FROM line WHERE trace_id = ? ORDER BY timestamp_ns, sequence", trace_id
        )
        return [json.loads(document) for (document,) in found]

    def samples(self, service: str) -> list[Sample]:
        """What a scrape of the service gets now."""
        text = ask(self.port(service), "GET", "/metrics", headers={"Accept": OPENMETRICS}).body.decode()
        return [sample for family in parsed(text) for sample in family.samples]

    def total(self, service: str, name: str, **labels: str) -> float:
        """The sum of all series of *name* that have *labels*."""
        found = (s.value for s in self.samples(service) if s.name == name and labels.items() <= s.labels.items())
        return sum(found)


def parsed(text: str) -> list[Metric]:
    """The families of an OpenMetrics text, read by the reference parser."""
    return list(text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def is_uuid7(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text))
