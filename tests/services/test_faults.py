"""Faults on purpose: what the caller gets, what telemetry says, and when the file is looked at."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from observability import Settings, observe, problem_details
from observability.testing import Capture, capture
from services.shared.deadline import keep_deadlines
from services.shared.faults import LARGEST, inject_faults
from services.shared.health import health


@dataclass
class Shop:
    """A tiny service with faults; its time stands still unless a test or a fault moves it."""

    path: Path
    seen: Capture
    now: float = 100.0
    slept: list[float] = field(default_factory=list)
    app: Flask = field(init=False)

    def __post_init__(self) -> None:
        self.app = observe(Flask("order", static_folder=None), self.seen.telemetry)
        problem_details(self.app)
        keep_deadlines(self.app)
        self.app.register_blueprint(health(self.seen.telemetry))
        self.app.add_url_rule("/orders/<order_id>", view_func=lambda order_id: {"id": order_id}, endpoint="order")
        self.app.add_url_rule("/orders", view_func=lambda: ({}, 201), methods=["POST"], endpoint="place")
        seeded = random.Random(7)
        inject_faults(
            self.app, self.seen.telemetry, self.path, chance=seeded.random, sleep=self.slept.append,
            clock=lambda: self.now,
        )

    def faults(self, text: str) -> None:
        """Write the file and let the next request look at it."""
        self.path.write_text(text, "utf-8")
        self.now += 0.1

    def ask(self, path: str = "/orders/1", method: str = "GET") -> Any:
        return self.app.test_client().open(path, method=method)

    def statuses(self, path: str = "/orders/1", *, times: int) -> list[int]:
        return [self.ask(path).status_code for _ in range(times)]

    def refusals(self) -> list[str]:
        return [line["message"].partition("over, ")[2] for line in self.seen.events("faults.refused")]


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    with capture(Settings(service_name="order")) as seen:
        yield Shop(tmp_path / "faults.toml", seen)


SLOW = '[[fault]]\nservice = "order"\nroute = "GET /orders/<order_id>"\nlatency_ms = 3000\n'
ALWAYS = '[[fault]]\nservice = "order"\nroute = "GET /orders/<order_id>"\nerror_ratio = 1\n'


def test_without_a_file_nothing_is_faulted(shop: Shop) -> None:
    assert shop.ask().status_code == 200
    assert (shop.slept, shop.seen.events("faults.changed")) == ([], [])


def test_a_slow_service_gives_up_when_its_caller_does(shop: Shop) -> None:
    shop.faults(SLOW)
    answer = shop.app.test_client().get("/orders/1", headers={"X-Request-Timeout-Ms": "1000"})
    assert (answer.status_code, answer.json["code"]) == (504, "timeout")
    assert 0.8 < shop.slept[0] < 1.0
    assert shop.ask().status_code == 200
    assert shop.slept[1] == 3.0


def test_an_injected_error_is_a_problem_with_a_line_a_span_attribute_and_a_sample(shop: Shop) -> None:
    """The access line, the span and the metrics say what the caller got: it happens inside the observed request."""
    shop.faults(ALWAYS + "status = 503\n")
    answer = shop.ask()

    assert (answer.status_code, answer.mimetype) == (503, "application/problem+json")
    assert answer.json["detail"] == "This is an injected fault. See which are on: clew fault list"
    (line,) = shop.seen.events("fault.injected")
    assert line["message"] == "On purpose, this request is answered with 503."
    assert (line["log"]["level"], line["trace"]["id"]) == ("error", answer.json["trace_id"])
    assert line["labels"] == {"route": "GET /orders/<order_id>", "latency_ms": "0", "status": "503"}
    span = shop.seen.span("GET /orders/<order_id>")
    assert span.attributes is not None
    assert (span.attributes["clew.fault"], span.attributes["http.response.status_code"]) == (True, 503)
    assert shop.seen.value("flask_http_request_total", method="GET", status="503") == 1


def test_latency_delays_the_view_which_then_answers_as_ever(shop: Shop) -> None:
    shop.faults('[[fault]]\nservice = "order"\nlatency_ms = 800\n')
    answer = shop.ask()

    assert (answer.status_code, answer.json) == (200, {"id": "1"})
    assert shop.slept == [0.8]
    assert shop.seen.events("fault.injected")[0]["log"]["level"] == "warning"


def test_injected_latency_is_measured(tmp_path: Path) -> None:
    """Really slept, and part of the span."""
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nservice = "test"\nlatency_ms = 30\n')
    with capture() as seen:
        app = observe(Flask("test"), seen.telemetry)
        app.add_url_rule("/", view_func=lambda: "ok")
        inject_faults(app, seen.telemetry, path).test_client().get("/")
        span = seen.span("GET /")

    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time >= 30e6


def test_the_share_of_errors_is_kept_and_the_same_for_a_seed(shop: Shop) -> None:
    shop.faults(ALWAYS.replace("= 1", "= 0.35"))
    expected = random.Random(7)

    statuses = shop.statuses(times=100)
    assert statuses == [503 if expected.random() < 0.35 else 200 for _ in range(100)]
    assert 20 < statuses.count(503) < 50


def test_health_metrics_and_unknown_paths_are_never_faulted(shop: Shop) -> None:
    shop.faults('[[fault]]\nservice = "order"\nroute = "*"\nerror_ratio = 1\nlatency_ms = 9\n')

    assert [shop.ask(path).status_code for path in ("/healthz", "/readyz", "/metrics", "/faults")] == [200] * 4
    assert (shop.ask("/nowhere").status_code, shop.slept) == (404, [])
    assert shop.ask("/orders", "POST").status_code == 503


def test_a_route_goes_before_every_route_and_other_services_do_not_count(shop: Shop) -> None:
    shop.faults(
        '[[fault]]\nservice = "order"\nerror_ratio = 1\nstatus = 500\n'
        '[[fault]]\nservice = "order"\nroute = "GET /orders/<order_id>"\nerror_ratio = 1\nstatus = 418\n'
        '[[fault]]\nservice = "user"\nroute = "POST /orders"\nerror_ratio = 1\n'
    )

    assert (shop.ask().status_code, shop.ask("/orders", "POST").status_code) == (418, 500)
    assert shop.ask(method="HEAD").status_code == 418


def test_the_file_is_looked_at_again_after_a_tenth_of_a_second_and_not_before(shop: Shop) -> None:
    shop.faults(ALWAYS)
    assert shop.ask().status_code == 503
    shop.path.unlink()
    shop.now += 0.09
    assert shop.ask().status_code == 503
    shop.now += 0.02
    assert shop.ask().status_code == 200
    assert [line["message"] for line in shop.seen.events("faults.changed")] == [
        "Faults that are on now: GET /orders/<order_id> 100 % answered with 503.", "Faults that are on now: none.",
    ]


def test_a_file_with_a_mistake_is_named_once_and_the_faults_before_stay(shop: Shop) -> None:
    shop.faults(ALWAYS)
    shop.ask()
    shop.faults(ALWAYS + "status = 99\n")
    assert shop.statuses(times=2) == [503, 503]
    shop.now += 0.1
    shop.ask()

    assert shop.refusals() == ["line 5: status must be a whole number from 400 to 599. The ones before stay."]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[fault]\n", "line 1: this is not TOML."),
        ('[[fault]]\nservice = "order', "line 2: this is not TOML."),
        ('\n[[fault]]\nroute = "*"\n', "line 2: service must be the name of a service."),
        ('[[fault]]\nservice = "order"\nroute = "/orders"\n', "line 3: route must be a method and a rule, such as"),
        ('[[fault]]\nservice = "order"\nlatency_ms = -1\n', "line 3: latency_ms must be a number from 0 to 60000."),
        ('[[fault]]\nservice = "order"\nlatency_ms = nan\n', "line 3: latency_ms must be a number"),
        ('[[fault]]\nservice = "order"\nerror_ratio = 35\n', "line 3: error_ratio must be a number from 0 to 1."),
        ('[[fault]]\nservice = "order"\nerror_ratio = true\n', "line 3: error_ratio must be a number from 0 to 1."),
        ('[[fault]]\nservice = "order"\nlatency = 3\n', "line 3: 'latency' is not known. A fault has service, route,"),
        (ALWAYS + "# again\n" + ALWAYS, "line 6: a fault for order GET /orders/<order_id> was there already."),
        ('[fault]\nservice = "order"\n', "line 1: a fault begins with [[fault]], in double brackets."),
        ('# mine\nfaults = "on"\n', "line 2: 'faults' is not known here. A fault begins with [[fault]]."),
        ("#" * (LARGEST + 1), f"it must be a file of at most {LARGEST} bytes."),
    ],
)
def test_a_mistake_is_named_with_its_line(shop: Shop, text: str, complaint: str) -> None:
    shop.faults(text)

    assert shop.ask().status_code == 200
    (refusal,) = shop.refusals()
    assert refusal.startswith(complaint)


def test_bytes_that_are_no_text_and_a_directory_are_refused(shop: Shop) -> None:
    shop.path.write_bytes(b"# one\n\xff\n")
    shop.ask()
    shop.path.unlink()
    shop.path.mkdir()
    shop.now += 0.1
    shop.ask()

    assert [refusal.partition(". The")[0] for refusal in shop.refusals()] == [
        "line 2: this is not UTF-8", f"it must be a file of at most {LARGEST} bytes",
    ]


def test_a_service_says_its_routes_and_what_is_on(shop: Shop) -> None:
    shop.faults(ALWAYS)

    assert shop.ask("/faults").json == {
        "service": "order",
        "routes": ["GET /orders/<order_id>", "POST /orders"],
        "faults": {"GET /orders/<order_id>": {"latency_ms": 0, "error_ratio": 1, "status": 503}},
    }


def test_many_threads_read_the_faults_while_the_file_changes(shop: Shop) -> None:
    """Every answer is one that some version of the file asks for."""
    statuses: list[int] = []

    def ask() -> None:
        for _ in range(40):
            shop.now += 0.1
            statuses.append(shop.ask().status_code)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in range(40):
        fresh = shop.path.with_suffix(".new")
        fresh.write_text(ALWAYS + f"status = {500 + number % 4}\n")
        fresh.replace(shop.path)
    for thread in threads:
        thread.join(30)

    assert len(statuses) == 160
    assert set(statuses) <= {200, 500, 501, 502, 503}
    assert shop.refusals() == []
