from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from observability import Settings
from observability.testing import Capture, capture
from services.shared.peers import Peer, PeerFailed
from tests.support.wsgi_transport import Answering, hanging, route


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="gateway", export_delay_s=0.01)) as seen:
        yield seen


def peer(seen: Capture, app: Any) -> Peer:
    session = route(seen.telemetry.session({"user": "http://user"}), {"user": app} if app else {})
    return Peer("user", "http://user", session=session, telemetry=seen.telemetry, timeout_s=1.0)


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
