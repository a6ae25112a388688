"""What every answer has, whoever gives it."""

from __future__ import annotations

import pytest

from services.shared.guarded import HEADERS
from tests.services.conftest import World


@pytest.mark.parametrize("service", ["gateway", "user", "order"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/nowhere"), ("DELETE", "/healthz"),
        ("POST", "/users"), ("POST", "/api/orders"), ("HEAD", "/healthz"), ("OPTIONS", "/readyz"),
    ],
)
def test_every_answer_has_the_security_headers_once(service: str, method: str, path: str, world: World) -> None:
    answer = world.client(service).open(path, method=method)
    for name, value in HEADERS.items():
        assert answer.headers.getlist(name) == [value]


def test_a_crash_has_them_too(world: World) -> None:
    def crash() -> None:
        raise RuntimeError("boom")

    world.peers["gateway"].before_request_funcs[None].insert(0, crash)
    answer = world.call("GET", "/api/users/x")
    assert answer.status_code == 500
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


@pytest.mark.parametrize("path", ["//healthz", "/api//users", "/readyz/"])
@pytest.mark.parametrize("service", ["gateway", "user", "order"])
def test_no_path_is_answered_with_a_redirect_to_what_the_caller_calls_us(
    service: str, path: str, world: World
) -> None:
    answer = world.client(service).post(path, base_url="http://somebody.example/")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert "somebody" not in answer.text
