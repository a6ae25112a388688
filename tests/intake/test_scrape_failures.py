"""What a target that fails, breaks HTTP or takes its time leaves behind."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Iterable

import pytest

from clew.intake.metrics import MetricIntake
from clew.intake.prometheus_config import read_prometheus_config
from clew.store import Exemplar, Sample, SampleStore, StoreError
from clew.store.memory import memory_stores
from tests.intake.scraped import OPENMETRICS, Clock, Page, intake, points, raw_server
from tests.support.ports import free_port


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"body": b"a 1\nb x\n# EOF\n"}, "line 2: 'x' is not a number: 'b x'"),
        ({"body": b"a 1\n"}, "line 1: the body does not end with # EOF"),
        ({"body": b"a 1\n\xff\n# EOF\n"}, "line 2: not UTF-8"),
        ({"content_type": "text/html"}, "answered with the Content-Type 'text/html'"),
        ({"content_type": ""}, "answered with the Content-Type ''"),
        ({"status": 404}, "answered 404 Not Found."),
        ({"status": 302}, "answered 302 Found."),
        ({"headers": {"Content-Encoding": "gzip"}}, "The body is not gzip"),
        ({"body": b"#" * 5000}, "is larger than 4096 bytes."),
        ({"body": gzip.compress(b"#" * 5000), "headers": {"Content-Encoding": "gzip"}}, "is larger than 4096 bytes."),
    ],
)
def test_an_answer_that_cannot_be_used_is_a_failed_scrape_and_leaves_nothing_half_stored(
    server: str, page: Page, change: dict[str, object], error: str
) -> None:
    store = memory_stores().samples
    for name, value in change.items():
        setattr(page, name, value)
    (status,) = intake(store, server, body_limit=4096).scrape_now()
    assert status.health == "down"
    assert error in status.last_error
    assert points(store, "up") == {"": [0.0]}
    assert points(store, "a") == {}


def test_a_target_that_nobody_answers_for_is_down_with_a_reason() -> None:
    free = f"127.0.0.1:{free_port()}"
    store = memory_stores().samples
    (status,) = intake(store, free).scrape_now()
    assert status.last_error == f"Nothing listens at order:8082 ({free}): connection refused."
    nobody: dict[str, str] = {}
    config = read_prometheus_config("scrape_configs: [{job_name: a, static_configs: [{targets: ['nowhere:1']}]}]")
    (status,) = MetricIntake(config, store, resolve=nobody.__getitem__).scrape_now()
    assert status.last_error == "Nobody knows where nowhere:1 is."


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: " + OPENMETRICS.encode() + b"\r\n"


@pytest.mark.slow
@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX-", HEAD + b"Content-Length: 100000\r\n\r\n"])
def test_a_server_that_drips_cannot_stretch_the_timeout(begin: bytes) -> None:
    """Nothing at all, endless headers or an endless body, a byte at a time: the deadline is for the whole exchange."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(begin)
        while not over.wait(0.02):
            try:
                connection.sendall(b"x" if begin else b"")
            except OSError:
                return

    with raw_server(drip) as server:
        began = time.monotonic()
        (status,) = intake(memory_stores().samples, server, timing="scrape_interval: 200ms").scrape_now()
        took = time.monotonic() - began
        over.set()
    assert status.last_error == f"No complete answer from order:8082 ({server}) within 0.2 s."
    assert took < 5


@pytest.mark.parametrize(
    "answer",
    [
        HEAD + b"Content-Length: 1000\r\n\r\na 1\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n",
        b"HTTP/1.1 what\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"",
        HEAD + b"X: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_http_is_a_failed_scrape(answer: bytes) -> None:
    store = memory_stores().samples
    with raw_server(lambda connection: connection.sendall(answer)) as server:
        (status,) = intake(store, server).scrape_now()
    assert status.health == "down"
    assert "order:8082" in status.last_error
    assert points(store, "up") == {"": [0.0]}


class RefusingStore:
    """Passes on to a real store, unless told to refuse."""

    def __init__(self, real: SampleStore) -> None:
        self.real = real
        self.refuses = False

    def append(self, samples: Iterable[Sample], exemplars: Iterable[Exemplar] = ()) -> int:
        if self.refuses:
            raise StoreError("samples.db: the disk is full")
        return self.real.append(samples, exemplars)

    def __getattr__(self, name: str) -> object:
        return getattr(self.real, name)


def test_a_store_that_refuses_costs_one_scrape_and_is_counted(server: str, page: Page) -> None:
    """And nothing that the store did not take is taken for known: exemplars and markers come with the next scrape."""
    real, clock = memory_stores().samples, Clock()
    store = RefusingStore(real)
    scraping = intake(store, server, clock=clock)  # type: ignore[arg-type]
    store.refuses = True
    (status,) = scraping.scrape_now()
    assert status.last_error == "The sample store refuses: samples.db: the disk is full"
    assert (status.health, status.counts["dropped:store"]) == ("up", 8)
    store.refuses = False
    clock.now += 5
    (status,) = scraping.scrape_now()
    assert status.last_error == ""
    assert len(real.find_exemplars("4bf92f3577b34da6a3ce929d0e0e4736")) == 1
