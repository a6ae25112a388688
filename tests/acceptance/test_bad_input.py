"""Whatever comes in at the front door: problem+json from the app, bounded labels, and services that stay well."""

from __future__ import annotations

import random
import re
import string
from collections.abc import Iterator

import pytest

from tests.acceptance.wire import JSON, chunked, request, speak
from tests.support.running import PROBLEM, SERVICES, Answer, Running
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

MEGABYTES_10 = b'{"username":"' + b"a" * 10_000_000 + b'"}'
TRACEPARENT = b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"

USERS, ORDERS, NOWHERE = b"POST /api/users", b"POST /api/orders", b"GET /nowhere"
NO_TOKEN = b"Authorization: Bearer ?\r\n"

REACHES_THE_APP = {
    "not JSON": (400, request(USERS, headers=JSON, body=b'{"username": ')),
    "empty body": (400, request(USERS, headers=JSON, body=b"")),
    "no body": (400, request(USERS, headers=JSON)),
    "JSON, but a list": (400, request(USERS, headers=JSON, body=b"[1, 2]")),
    "wrong types": (400, request(USERS, headers=JSON, body=b'{"username": 1, "password": [], "name": {}}')),
    "unknown fields": (400, request(USERS, headers=JSON, body=b'{"username": "ada", "is_admin": true}')),
    "a name twice": (400, request(USERS, headers=JSON, body=b'{"username": "ada", "username": "eve"}')),
    "not a number": (400, request(USERS, headers=JSON, body=b'{"username": NaN}')),
    "a very long number": (400, request(USERS, headers=JSON, body=b'{"username": %s}' % (b"9" * 5000))),
    "nested very deeply": (400, request(USERS, headers=JSON, body=b"[" * 50_000)),
    "a lone surrogate": (400, request(USERS, headers=JSON, body=rb'{"username": "\ud800"}')),
    "a NUL in a text": (400, request(USERS, headers=JSON, body=rb'{"username": "a\u0000b"}')),
    "invalid UTF-8 in the body": (400, request(USERS, headers=JSON, body=b'{"username": "\xff\xfe"}')),
    "a form": (415, request(USERS, headers=b"Content-Type: application/x-www-form-urlencoded\r\n", body=b"a=b")),
    "no content type": (415, request(USERS, body=b"{}")),
    "10 MB": (413, request(USERS, headers=JSON, body=MEGABYTES_10)),
    "10 MB that do not say so": (413, chunked(USERS, [MEGABYTES_10[at:at + 65536] for at in range(0, 10**7, 65536)],
                                              headers=JSON)),
    "unknown route": (404, request(NOWHERE)),
    "unknown method": (405, request(b"BREW /api/orders")),
    "wrong method": (405, request(b"DELETE /api/users")),
    "TRACE": (405, request(b"TRACE /api/orders")),
    "CONNECT": (404, request(b"CONNECT elsewhere:443")),
    "another host's URL": (404, request(b"GET http://elsewhere.example/nowhere")),
    "an asterisk": (404, request(b"OPTIONS *")),
    "invalid UTF-8 in the path": (404, request(b"GET /api/users/%ff%fe")),
    "NUL in the path": (404, request(b"GET /api/users/%00")),
    "a path of 4,000 characters": (404, request(b"GET /" + b"a" * 4000)),
    "a path that climbs": (404, request(b"GET /api/users/..%2f..%2fetc%2fpasswd")),
    "invalid UTF-8 in the query": (404, request(b"GET /nowhere?a=%ff&%00=%zz&=&&&")),
    "no host": (404, b"GET /nowhere HTTP/1.1\r\n\r\n"),
    "a host that is none": (404, b'GET /nowhere HTTP/1.1\r\nHost: a b"<>@\r\n\r\n'),
    "HTTP/1.0": (404, b"GET /nowhere HTTP/1.0\r\n\r\n"),
    "two credentials": (401, request(b"GET /api/me", headers=NO_TOKEN + NO_TOKEN)),
    "credentials that are none": (401, request(b"GET /api/me", headers=b"Authorization: \xff\xfe\r\n")),
    "two traceparents": (404, request(NOWHERE, headers=TRACEPARENT + TRACEPARENT)),
    "two request ids": (404, request(NOWHERE, headers=b"X-Request-Id: a\r\nX-Request-Id: b\r\n")),
    "a user agent that is no UTF-8": (404, request(NOWHERE, headers=b"User-Agent: \xff\xfe\xe4\r\n")),
    "90 headers": (404, request(NOWHERE, headers=b"".join(b"X-A%d: b\r\n" % n for n in range(90)))),
    "baggage of 8 kB": (404, request(NOWHERE, headers=b"baggage: " + b"a=%ff," * 1300 + b"\r\n")),
}
BROKEN_TRACEPARENTS = (
    b"", b"banana", b"00", b"00-0-0-0", b"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    b"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
    b"00-4BF92F3577B34DA6A3CE929D0E0E473X-00f067aa0ba902b7-01",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-and-more",
    b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7", b"\xff\xfe", b"0" * 4000,
)
REACHES_THE_APP |= {
    f"broken traceparent {number}": (404, request(NOWHERE, headers=b"traceparent: %s\r\n" % value))
    for number, value in enumerate(BROKEN_TRACEPARENTS, 1)
}

ANSWERED_BY_THE_SERVER = {
    "a method in lower case": (400, request(b"get /nowhere")),
    "a method of 25 letters": (400, request(b"A" * 25 + b" /nowhere")),
    "bytes in the request line": (400, request(b"GET /api/users/\xff\xfe")),
    "a path of 9,000 characters": (414, request(b"GET /" + b"a" * 9000)),
    "200 headers": (431, request(NOWHERE, headers=b"".join(b"X-A%d: b\r\n" % n for n in range(200)))),
    "a header of 70 kB": (431, request(NOWHERE, headers=b"X-A: " + b"a" * 70_000 + b"\r\n")),
    "two lengths": (400, request(USERS, headers=JSON + b"Content-Length: 3\r\n", body=b"{}")),
    "length and chunks": (400, chunked(USERS, [b"{}"], headers=JSON + b"Content-Length: 2\r\n")),
    "two content types": (400, request(USERS, headers=JSON + JSON, body=b"{}")),
    "two hosts": (400, request(NOWHERE, headers=b"Host: elsewhere\r\n")),
    "a header name with a blank": (400, request(NOWHERE, headers=b"X A: b\r\n")),
    "a NUL in a header": (400, request(NOWHERE, headers=b"X-A: \x00\r\n")),
    "HTTP/0.9": (400, b"GET /nowhere\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(128, 255)) + b"\r\n\r\n"),
}
"""Not HTTP, or more of it than gunicorn takes: it answers by itself, no app is called."""


@pytest.fixture(scope="module")
def answers(shared: Running) -> Iterator[dict[str, list[Answer]]]:
    """Everything above, sent once."""
    shared.until_well()
    everything = REACHES_THE_APP | ANSWERED_BY_THE_SERVER
    before = {name: shared.workers(name) for name in SERVICES}
    yield {name: speak(shared.port("gateway"), raw) for name, (_, raw) in everything.items()}
    assert {name: shared.workers(name) for name in SERVICES} == before, "no worker died of it"


@pytest.mark.parametrize("case", REACHES_THE_APP)
def test_the_app_answers_with_a_problem_document(answers: dict[str, list[Answer]], case: str) -> None:
    (answer,) = answers[case]
    problem = answer.json

    assert answer.status == REACHES_THE_APP[case][0]
    assert answer.headers["content-type"] == PROBLEM
    assert set(problem) >= {"type", "title", "status", "detail", "instance", "trace_id", "code"}
    assert problem["status"] == answer.status
    assert problem["trace_id"] == answer.trace_id
    assert re.fullmatch(r"(?!0{32})[0-9a-f]{32}", answer.trace_id)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", answer.request_id)


def test_each_of_them_left_one_line_and_one_span(running: Running, answers: dict[str, list[Answer]]) -> None:
    """With the status that was on the wire, and a route that is a template."""
    traces = {answers[case][0].trace_id: answers[case][0].status for case in REACHES_THE_APP}
    assert len(traces) == len(REACHES_THE_APP), "each has a trace of its own, also those with a broken traceparent"
    here = f"trace_id IN ({','.join('?' * len(traces))})"

    def arrived() -> bool:
        lines = running.rows(
            "logs",
            "SELECT trace_id, document ->> '$.http.response.status_code', document ->> '$.http.route' FROM line "
            f"WHERE service = 'gateway' AND document ->> '$.event.action' = 'request.finished' AND {here}", *traces,
        )
        spans = running.rows(
            "spans", "SELECT trace_id, content ->> '$[0].\"http.response.status_code\"' FROM span "
            f"WHERE service = 'gateway' AND content ->> '$[5]' = 'server' AND {here}", *traces,
        )
        assert len(lines) == len(spans) == len(traces)
        assert {trace_id: status for trace_id, status, _ in lines} == traces
        assert dict(spans) == traces
        return {route for *_, route in lines} == {"unmatched", "/api/users", "/api/users/<user_id>", "/api/me"}

    eventually(arrived, what="a line and a span of each")


@pytest.mark.parametrize("case", ANSWERED_BY_THE_SERVER)
def test_what_is_no_request_is_answered_by_the_server_and_the_connection_closed(
    answers: dict[str, list[Answer]], case: str
) -> None:
    """Documented as outside of the promise: there was no request that an app could have seen."""
    (answer,) = answers[case]

    assert answer.status == ANSWERED_BY_THE_SERVER[case][0]
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["connection"] == "close"
    assert "x-trace-id" not in answer.headers


def test_no_answer_gives_away_how_the_service_is_made(answers: dict[str, list[Answer]]) -> None:
    for case, got in answers.items():
        for answer in got:
            assert not re.search(rb"Traceback|File \"|werkzeug|\.py\b|sqlite", answer.body), case


def test_pipelined_requests_are_answered_in_order(running: Running) -> None:
    """Also when the ones in between are refused, with a body or without."""
    raw = b"".join(
        (
            request(b"GET /first"), request(USERS, headers=JSON, body=b'{"a":'), request(b"BREW /api/me"),
            request(USERS, headers=JSON, body=b"x" * 1000), request(b"GET /healthz"),
        )
    )
    got = speak(running.port("gateway"), raw, answers=5)

    assert [answer.status for answer in got] == [404, 400, 405, 400, 200]
    assert [answer.json["instance"] for answer in got[:4]] == ["/first", "/api/users", "/api/me", "/api/users"]
    assert len({answer.trace_id for answer in got}) == 5


def test_random_paths_and_methods_add_no_series(running: Running) -> None:
    """200 paths and 50 methods that nobody ever asked for are counted, under labels that were there before."""
    rng = random.Random(20)
    paths = [f"/{word(rng)}/{word(rng)}?{word(rng)}={word(rng)}" for _ in range(100)]
    paths += [f"/api/users/{word(rng)}" for _ in range(50)] + [f"/api/orders/{word(rng)}" for _ in range(50)]
    methods = [word(rng).upper() for _ in range(50)]
    asked = [request(f"GET {path}".encode()) for path in paths]
    asked += [request(f"{method} {path}".encode()) for method, path in zip(methods, paths[75:125], strict=True)]
    warm = [asked[0], asked[100], asked[150], asked[200], asked[-1]]

    counted = requests(running)
    assert {answer.status for answer in send(running, warm)} == {404, 401, 405}
    counted += len(warm)
    eventually(lambda: requests(running) == counted, what="the first ones are counted")
    before = series(running)
    statuses = [answer.status for answer in send(running, asked)]

    assert statuses == [404] * 150 + [401] * 50 + [404] * 25 + [405] * 25
    eventually(lambda: requests(running) == counted + len(asked), what="all of them are counted")
    assert series(running) == before
    assert not {label for labels in before for label in labels} & set(methods)


def test_the_services_are_well_afterwards(running: Running, answers: dict[str, list[Answer]]) -> None:
    assert answers
    assert [part.restarts for part in running.record.parts if part.name == "gateway"] == [0]
    running.buyer()


def word(rng: random.Random) -> str:
    return "".join(rng.choices(string.ascii_lowercase, k=12))


def send(running: Running, asked: list[bytes]) -> list[Answer]:
    return speak(running.port("gateway"), b"".join(asked), answers=len(asked))


def series(running: Running) -> set[tuple[str, ...]]:
    """Label sets of everything that is counted per request."""
    return {
        (sample.name, *sample.labels.values())
        for sample in running.samples("gateway")
        if sample.name.startswith(("flask_http_request_", "http_client_request_"))
    }


def requests(running: Running) -> float:
    return running.total("gateway", "flask_http_request_duration_seconds_count")
