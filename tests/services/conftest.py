"""The three services in one process, put together by their own composition roots."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask
from hypothesis import settings as hypothesis_settings
from werkzeug.test import TestResponse

from observability import Settings
from observability.testing import Capture, capture
from services.gateway import main as gateway_main
from services.order import main as order_main
from services.user import main as user_main
from services.user.passwords import Passwords
from tests.support.wsgi_transport import route

# a busy machine is no failure, and the whole suite has three minutes
hypothesis_settings.register_profile("quick", deadline=None, max_examples=50)
hypothesis_settings.load_profile("quick")

SECRET = "a secret for tests only, long enough"
PASSWORD = "correct horse battery"
PATIENCE_S = 20.0
"""CALL_TIMEOUT: what a busy machine adds shall cost no test its answer. Who hangs in this process says so at once."""
ORDER = {"items": [{"sku": "tea-earl-grey", "quantity": 2, "unit_amount": 450}], "currency": "EUR"}


@dataclass
class World:
    """Gateway, order and user; what they say is captured, each for itself."""

    seen: dict[str, Capture]
    peers: dict[str, Any] = field(default_factory=dict)
    """What answers under a service's name. Take one away and it refuses connections."""

    def client(self, name: str = "gateway") -> Any:
        return self.peers[name].test_client()

    def call(self, method: str, path: str, *, json: Any = None, token: str = "", **more: Any) -> TestResponse:
        """Ask the gateway."""
        headers = dict(more.pop("headers", {}))
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer: TestResponse = self.client().open(path, method=method, json=json, headers=headers, **more)
        return answer

    def register(self, username: str = "ada", name: str = "Ada Lovelace") -> dict[str, Any]:
        answer = self.call("POST", "/api/users", json={"username": username, "password": PASSWORD, "name": name})
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    def log_in(self, username: str = "ada") -> str:
        answer = self.call("POST", "/api/sessions", json={"username": username, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        return str(answer.get_json()["token"])

    def place(self, token: str, wish: Any = ORDER) -> dict[str, Any]:
        answer = self.call("POST", "/api/orders", json=wish, token=token)
        assert answer.status_code == 201, answer.text
        return answer.get_json()

    def events(self, service: str, action: str) -> list[dict[str, Any]]:
        return self.seen[service].events(action)


MAINS = {"user": user_main, "order": order_main, "gateway": gateway_main}


@pytest.fixture
def limits() -> dict[str, str]:
    """A module may have its own: how often one may ask a service."""
    return {}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, str]) -> Iterator[World]:
    # real hashes, cheap ones
    monkeypatch.setattr(user_main, "Passwords", partial(Passwords, memory_kib=8, passes=1))
    with ExitStack() as stack:
        there = World(seen={})
        for name, main in MAINS.items():
            settings = Settings(
                service_name=name, token_secret=SECRET, data_dir=tmp_path / "data", user_url="http://user",
                order_url="http://order", trust_sampled=name != "gateway", metrics_dir=tmp_path / "metrics" / name,
                export_delay_s=0.01, rate_limit=limits.get(name, "off"), call_timeout_s=PATIENCE_S,
            )
            seen = stack.enter_context(capture(settings))
            _in_process(seen, there.peers)
            there.seen[name] = seen
            there.peers[name] = main.build(settings, seen.telemetry)
        yield there


def _in_process(seen: Capture, peers: dict[str, Flask]) -> None:
    over_sockets = seen.telemetry.session

    def session(*arguments: Any, **options: Any) -> requests.Session:
        return route(over_sockets(*arguments, **options), peers)

    seen.telemetry.session = session  # type: ignore[method-assign]
