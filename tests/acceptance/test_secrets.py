"""Passwords, tokens, card numbers and e-mail addresses, planted everywhere, are found nowhere; a harmless word is."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import pytest

from tests.acceptance import planting, search
from tests.acceptance.planting import Secrets
from tests.support.running import ROOT, SERVICES, Running, answers
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


class Evidence:
    """
    Everything that a stack left behind and showed, after secrets and a control word went through it.

    :param statuses: what the requests with the secrets were answered.
    :param sinks: name -> content in lower case.
    """

    def __init__(self, planted: Secrets, canary: str, statuses: Counter[int], sinks: dict[str, bytes]) -> None:
        self.planted, self.canary, self.statuses = planted, canary, statuses
        self._sinks = sinks

    def where(self, text: str) -> set[tuple[str, str]]:
        """The sinks in which *text* stands, and in which form."""
        return search.found_in(text, self._sinks)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """A stack of its own, with a stranger's app that is scraped too; everything is stopped before it is searched."""
    folder = tmp_path_factory.mktemp("secrets")
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        running = Running(folder / "home", "--no-journey", config=config_with(folder, bound.getsockname()[1]))
        try:
            with stranger(folder, running.until_up(), bound) as port:
                planted, canary, statuses = plant(running, port)
                eventually(lambda: all_arrived(running), timeout_s=20, what="everything has arrived")
                shown = search.metrics({**{name: running.port(name) for name in SERVICES}, "stranger": port})
                shown |= search.pages(running) | followed(running, folder, canary)
        finally:
            running.stop()
    left = search.files(running.home.path) | search.tables(running.home.store)
    left["stdout of the stranger"] = (folder / "stranger.log").read_bytes().lower()
    return Evidence(planted, canary, statuses, shown | left)


def config_with(folder: Path, port: int) -> Path:
    config = folder / "config"
    config.mkdir()
    shutil.copy(ROOT / "logstash.conf", config)
    shutil.copytree(ROOT / "alerts", config / "alerts")
    job = f"\n  - job_name: stranger\n    static_configs:\n      - targets: [127.0.0.1:{port}]\n"
    (config / "prometheus.yml").write_text((ROOT / "prometheus.yml").read_text() + job)
    return config


@contextmanager
def stranger(folder: Path, running: Running, bound: socket.socket) -> Iterator[int]:
    """The port of the stranger's app, which is gone afterwards. Only it listens at *bound*."""
    environ = {
        "PATH": os.environ["PATH"], "LOG_DIR": str(running.home.logs), "LOG_STDOUT": "on",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{running.port('otlp')}",
        "METRICS_DIR": str(running.home.metrics / "stranger"),
    }
    gateway = f"http://127.0.0.1:{running.port('gateway')}"
    command = [sys.executable, "-m", "tests.acceptance.stranger", str(bound.fileno()), gateway]
    port: int = bound.getsockname()[1]
    with (folder / "stranger.log").open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT, pass_fds=[bound.fileno()]
        )
        try:
            eventually(lambda: answers(port, "/metrics"), timeout_s=20, what="the stranger serves")
            yield port
        finally:
            process.terminate()
            process.wait(10)


def plant(running: Running, port: int) -> tuple[Secrets, str, Counter[int]]:
    buyer = running.buyer()
    planted, canary = planting.make(buyer.token), f"lantern fish/{secrets.token_hex(6)}"
    got = planting.through_the_gateway(running, buyer, planted, canary)
    got += planting.to_the_stranger(port, planted, canary)
    got.append(planting.while_the_database_is_locked(running, planted))
    return planted, canary, Counter(answer.status for answer in got)


def all_arrived(running: Running) -> bool:
    running.scrape()
    status = running.status()
    assert {row["service"] for row in status["ledger"]} == {*SERVICES, "stranger"}
    assert [row for row in status["ledger"] if row["missing"] or row["dropped"]] == []
    return bool(status["bytes_behind"] == 0)


def followed(running: Running, folder: Path, canary: str) -> dict[str, bytes]:
    """The stranger's request in the terminal, as JSON and as a file to take along."""
    sql = "SELECT trace_id FROM line WHERE service = 'stranger' AND document ->> '$.event.action' = 'stranger.told'"
    trace = running.rows("logs", sql)[0][0]
    text = running.clew("follow", trace)
    both = running.clew("follow", trace, "--json", "--html", str(folder / "offline.html"))
    assert (text.returncode, both.returncode) == (0, 0)
    return {
        "clew follow": text.stdout.lower().encode(), "clew follow --json": both.stdout.lower().encode(),
        "offline file": (folder / "offline.html").read_bytes().lower(),
    }


@pytest.mark.parametrize("name", [field.name for field in fields(Secrets)])
def test_a_planted_secret_is_found_nowhere(evidence: Evidence, name: str) -> None:
    """
    Raw, escaped, percent-encoded or in base64. The user service's own table holds the name of a user, who chose an
    e-mail address and a card number for one; nothing else may know them.
    """
    found = evidence.where(evidence.planted.all()[name])
    by_design = {sink for sink, _ in found if name in ("email", "card") and sink.startswith("data/user.db")}

    assert {(sink, form) for sink, form in found if sink not in by_design} == set()


def test_the_requests_that_carried_them_succeeded_and_failed(evidence: Evidence) -> None:
    assert set(evidence.statuses) >= {200, 201, 400, 401, 404, 409, 415, 500, 504}
    assert evidence.statuses[201] >= 3


@pytest.mark.parametrize("sink", [
    "logs/gateway-", "logs/stranger-", "store/logs.db", "store/spans.db", "store/samples.db", "metrics/stranger/",
    "table logs.line", "table spans.span", "table samples.series", "metrics stranger", "page /logs", "page /traces",
    "page /requests/", "clew follow", "clew follow --json", "offline file", "stdout of the stranger",
])
def test_the_same_search_finds_the_control_word(evidence: Evidence, sink: str) -> None:
    """A harmless word was sent the same ways, so the search looks where secrets would be."""
    assert any(name.startswith(sink) for name, _ in evidence.where(evidence.canary))


def test_the_same_search_finds_every_form_of_the_control_word(evidence: Evidence) -> None:
    found = evidence.where(evidence.canary)
    for kind in ("logs/stranger-", "table logs.line", "store/logs.db", "clew follow --json", "page /requests/"):
        assert {form for sink, form in found if sink.startswith(kind)} >= {"raw", "percent", "base64"}, kind
