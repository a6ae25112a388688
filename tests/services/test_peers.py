from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from observability import Settings
from observability.testing import Capture, capture
from services.shared import peers
from services.shared.breaker import MOST_FAILURES, REST_S
from services.shared.peers import Peer, PeerFailed
from tests.support.waiting import eventually
from tests.support.wsgi_transport import Answering, hanging, route


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="gateway", export_delay_s=0.01)) as seen:
        yield seen


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def peer(seen: Capture, app: Any, *, clock: Callable[[], float] = time.monotonic) -> Peer:
    session = route(seen.telemetry.session({"user": "http://user"}), {"user": app} if app else {})
    return Peer("user", "http://user", session=session, telemetry=seen.telemetry, timeout_s=1.0, clock=clock)


class Recovering:
    """Gives its answers in turn, and the last one for ever."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append(environ)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        found: Iterable[bytes] = answer(environ, start_response)
        return found


def test_a_breaker_that_nobody_calls_through_closes_by_itself(
    seen: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or the gauge of a worker that gets no more requests would be an alert for ever."""
    monkeypatch.setattr(peers, "IDLE_S", 0.01 - REST_S)  # so soon it is looked at; the clock below says what it finds
    clock = Clock()
    ours = peer(seen, Answering(b"{}", "500 INTERNAL SERVER ERROR"), clock=clock)
    for _ in range(MOST_FAILURES):
        with suppress(PeerFailed):
            ours.call("GET", "/users/1")
    assert seen.value("circuit_breaker_open", peer="user") == 1
    clock.now += 1000.0
    eventually(lambda: seen.value("circuit_breaker_open", peer="user") == 0, what="the breaker closes")
    assert [line["message"] for line in seen.events("breaker.closed")] == ["The user service is asked again."]


CRASHING = Answering(b"{}", "500 INTERNAL SERVER ERROR")
FINE = Answering(b'{"id": 1}')


def test_an_answer_is_a_status_and_an_object(seen: Capture) -> None:
    found = peer(seen, Answering(b'{"id": 1}')).call("GET", "/users/1")
    assert (found.status, found.body, found.is_refusal) == (200, {"id": 1}, False)
    refused = peer(seen, Answering(b'{"detail": "no"}', "404 NOT FOUND")).call("GET", "/users/1")
    assert (refused.status, refused.is_refusal) == (404, True)
    assert seen.events("peer.failed") == []


FAILURES: dict[str, tuple[Any, str, str]] = {
    "down": (None, "unavailable", "cannot be reached"),
    "slow": (hanging, "timeout", "did not answer within 1 s"),
    "not JSON": (Answering(b"<html>hello</html>"), "bad_gateway", "makes no sense"),
    "empty": (Answering(b""), "bad_gateway", "makes no sense"),
    "an array": (Answering(b"[]"), "bad_gateway", "makes no sense"),
    "not text": (Answering(b"\xff\xfe\x00"), "bad_gateway", "makes no sense"),
    "HTML with a 404": (Answering(b"<html>", "404 NOT FOUND"), "bad_gateway", "makes no sense"),
    "a redirect": (Answering(b"{}", "302 FOUND"), "bad_gateway", "status 302"),
    "a crash": (Answering(b"{}", "500 INTERNAL SERVER ERROR"), "bad_gateway", "status 500"),
    "not available": (Answering(b'{"detail": "Try later."}', "503 SERVICE UNAVAILABLE"), "unavailable", "Try later."),
    "not available, without a word": (Answering(b"", "503 SERVICE UNAVAILABLE"), "unavailable", "is not available"),
}


@pytest.mark.parametrize(("app", "word", "said"), FAILURES.values(), ids=FAILURES)
def test_whatever_goes_wrong_with_a_peer_is_one_of_three_words_and_one_line(
    app: Any, word: str, said: str, seen: Capture
) -> None:
    with pytest.raises(PeerFailed, match=said) as failed:
        peer(seen, app).call("GET", "/users/1")
    assert (failed.value.word, failed.value.peer) == (word, "user")
    (line,) = seen.events("peer.failed")
    assert line["labels"] == {"peer": "user", "reason": word}
    assert line["log"]["level"] == ("error" if word == "bad_gateway" else "warning")


def test_a_probe_says_whether_a_peer_is_alive_and_leaves_no_span_no_sample_and_no_line(seen: Capture) -> None:
    peer(seen, Answering(b"")).ping()
    for app in (None, hanging, Answering(b"", "503 SERVICE UNAVAILABLE")):
        with pytest.raises(Exception, match="The user service") as failed:
            peer(seen, app).ping()
        assert failed.value.word == "unavailable"  # type: ignore[attr-defined]
    assert seen.spans == seen.lines == []
    assert seen.value("http_client_request_duration_seconds_count") == 0


def test_a_call_that_may_be_repeated_is_tried_again_each_attempt_with_its_own_span_and_sample(seen: Capture) -> None:
    app = Recovering(CRASHING, CRASHING, FINE)
    assert peer(seen, app).call("GET", "/users/1").status == 200
    spans = [span for span in seen.spans if span.name == "GET"]
    assert [span.attributes["http.response.status_code"] for span in spans] == [500, 500, 200]  # type: ignore[index]
    assert seen.value("http_client_request_duration_seconds_count", status="500") == 2
    assert seen.events("peer.failed") == []
    again = Recovering(CRASHING, FINE)
    assert peer(seen, again).call("POST", "/users", body={}, idempotent=True).status == 200


NO_SECOND_TRY: dict[str, tuple[str, Any]] = {
    "it may have been done": ("POST", CRASHING),
    "it took too long already": ("GET", hanging),
    "the peer said no": ("GET", Answering(b"{}", "404 NOT FOUND")),
    "the peer lacks another one": ("GET", Answering(b'{"peer": "order"}', "503 SERVICE UNAVAILABLE")),
}


@pytest.mark.parametrize(("method", "app"), NO_SECOND_TRY.values(), ids=NO_SECOND_TRY)
def test_there_is_no_second_attempt_when(method: str, app: Any, seen: Capture) -> None:
    counting = Recovering(app)
    with suppress(PeerFailed):
        peer(seen, counting).call(method, "/users/1")
    assert len(counting.asked) == 1


@pytest.mark.parametrize("app", [hanging, CRASHING], ids=["slow", "crashing"])
def test_a_peer_that_fails_again_and_again_is_left_alone_until_it_has_rested(app: Any, seen: Capture) -> None:
    clock = Clock()
    failing = Recovering(app)
    asked = peer(seen, failing, clock=clock)
    for _ in range(MOST_FAILURES):
        with pytest.raises(PeerFailed):
            asked.call("POST", "/users")
    assert [line["labels"]["peer"] for line in seen.events("breaker.opened")] == ["user"]
    assert seen.value("circuit_breaker_open", peer="user") == 1
    before = len(failing.asked)
    with pytest.raises(PeerFailed, match="is not asked at the moment") as refused:
        asked.call("GET", "/users/1")
    assert (len(failing.asked), refused.value.word) == (before, "unavailable")
    assert refused.value.headers == {"Retry-After": "2"}
    failing.answers = [FINE]
    clock.now += REST_S
    assert asked.call("GET", "/users/1").status == 200
    assert len(seen.events("breaker.closed")) == 1
    assert seen.value("circuit_breaker_open", peer="user") == 0


def test_a_peer_that_lacks_another_one_is_not_left_alone(seen: Capture) -> None:
    """The order service without its user service still shows orders; asking it must go on."""
    closed = b'{"peer": "order", "detail": "Nobody can say."}'
    asked = peer(seen, Answering(closed, "503 SERVICE UNAVAILABLE"))
    for _ in range(3 * MOST_FAILURES):
        with pytest.raises(PeerFailed, match="Nobody can say"):
            asked.call("GET", "/users/1")
    assert seen.events("breaker.opened") == []
