"""One story, told once, and a browser that looks at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from clew.explorer import create_explorer
from clew.query import InstanceAccount, Readers
from clew.query.embedded import readers_of
from clew.query.freshness import Source
from clew.store import Stores
from clew.store.memory import memory_stores
from tests.explorer.page import Page
from tests.support.story import NOW_S, Story, tell

HOME = "http://127.0.0.1:8090"
SOURCES = (
    Source("logs", "gateway", "tail gateway.jsonl", NOW_S - 1.9),
    Source("metrics", "gateway", "scrape gateway:8080", NOW_S - 6.1, 15.0),
)


@dataclass(frozen=True)
class Browser:
    """Asks an explorer at its own address."""

    client: FlaskClient

    def ask(self, path: str, method: str = "GET", base: str = HOME, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(path, method=method, base_url=base, headers=named)

    def page(self, path: str, status: int = 200) -> Page:
        response = self.ask(path)
        assert response.status_code == status, response.get_data(as_text=True)
        assert response.mimetype == "text/html"
        return Page(response.get_data(as_text=True))

    def json(self, path: str, status: int = 200) -> Any:
        response = self.ask(path)
        assert response.status_code == status, response.get_data(as_text=True)
        assert response.mimetype == ("application/json" if status < 400 else "application/problem+json")
        return response.get_json(force=True)


def explorer_of(readers: Readers, **more: Any) -> Flask:
    return create_explorer(**{"readers": readers, "clock": lambda: NOW_S, **more})


@pytest.fixture(scope="session")
def story() -> Story:
    return tell()


@pytest.fixture(scope="session")
def browser(story: Story) -> Browser:
    accounts: Callable[[], Sequence[InstanceAccount]] = lambda: story.accounts  # noqa: E731
    app = explorer_of(story.readers, ledger=accounts, freshness=lambda: SOURCES, scrape_now=lambda: None)
    return Browser(app.test_client())


@pytest.fixture
def stores() -> Stores:
    return memory_stores()


@pytest.fixture
def empty(stores: Stores) -> Browser:
    """An explorer of *stores*, which the test fills as it likes."""
    return Browser(explorer_of(readers_of(stores)).test_client())
