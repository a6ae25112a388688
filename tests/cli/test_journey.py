"""A journey that does not arrive says which step failed, how, and where to look."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest

from clew.journey import JourneyError, scrape_now, travel
from clew.stack.server import LocalServer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

Answer = tuple[str, object]
Gateway = Callable[[dict[tuple[str, str], Answer]], str]

GOOD: dict[tuple[str, str], Answer] = {
    ("POST", "/api/users"): ("201 Created", {"id": "usr_1"}),
    ("POST", "/api/sessions"): ("201 Created", {"token": "t"}),
    ("POST", "/api/orders"): ("201 Created", {"id": "ord_1"}),
    ("GET", "/api/orders/ord_1"): ("200 OK", {"id": "ord_1"}),
}


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    """A function that starts a gateway with fixed answers and gives its address."""
    started: list[LocalServer] = []

    def start(answers: dict[tuple[str, str], Answer]) -> str:
        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            status, body = answers[environ["REQUEST_METHOD"], environ["PATH_INFO"]]
            start_response(status, [("X-Trace-Id", "4bf92f3577b34da6a3ce929d0e0e4736")])
            return [body if isinstance(body, bytes) else json.dumps(body).encode()]

        started.append(LocalServer(app, port=0, name="gateway", threads=1))
        started[-1].start()
        return f"http://127.0.0.1:{started[-1].port}"

    yield start
    for server in started:
        server.stop()


def test_a_journey_brings_back_the_ids_to_follow(gateway: Gateway) -> None:
    journey = travel(gateway(GOOD), token=lambda size: "ab" * size)

    assert (journey.username, journey.user_id, journey.order_id) == ("ada-abababab", "usr_1", "ord_1")
    assert journey.trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_refused_step_is_named_with_the_reason_and_the_trace(gateway: Gateway) -> None:
    no = ("503 Service Unavailable", {"title": "Unavailable", "detail": "The order service does not answer."})
    url = gateway({**GOOD, ("POST", "/api/orders"): no})

    with pytest.raises(JourneyError) as raised:
        travel(url)
    assert str(raised.value) == (
        f"Placing an order failed: POST {url}/api/orders answered 503, The order service does not answer. "
        "Follow it: clew follow 4bf92f3577b34da6a3ce929d0e0e4736"
    )


def test_an_answer_that_is_not_json_or_lacks_what_is_needed_is_a_failed_step(gateway: Gateway) -> None:
    with pytest.raises(JourneyError, match=r"^Registering a user failed: .* answered 500, no explanation"):
        travel(gateway({**GOOD, ("POST", "/api/users"): ("500 Oops", b"<html>")}))
    with pytest.raises(JourneyError, match=r"^Logging in failed: the answer has no token\.$"):
        travel(gateway({**GOOD, ("POST", "/api/sessions"): ("201 Created", [])}))


def test_a_gateway_that_is_not_there_is_a_failed_step(port: Callable[[], int]) -> None:
    url = f"http://127.0.0.1:{port()}"

    with pytest.raises(JourneyError, match=rf"^Registering a user failed: POST {url}/api/users gave no answer \("):
        travel(url)
    with pytest.raises(JourneyError, match=r"^Scraping the metrics failed: "):
        scrape_now(url)
