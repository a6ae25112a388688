"""One of each peer for all tests; of Postgres, a database of its own for each."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

import pytest

from observability import Settings
from tests.real.peers.providing import Peers, provide
from tests.real.postgres import Postgres
from tests.real.stage import Stage


@pytest.fixture(scope="session")
def peers() -> Peers:
    """`make test-real` has installed what was missing."""
    return provide(os.environ, print)


@pytest.fixture(scope="session")
def postgres(peers: Peers) -> Iterator[Postgres]:
    server = Postgres(peers.postgres)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture
def database(postgres: Postgres) -> str:
    """The name of an empty database."""
    name = f"test_{secrets.token_hex(4)}"
    postgres.execute(f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def settings(postgres: Postgres, database: str) -> Settings:
    return Settings(service_name="test", database_url=postgres.url(database))


@pytest.fixture(scope="session")
def stage(peers: Peers, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The services and all that keeps their signals, running."""
    postgres.execute("CREATE DATABASE shop")
    one = Stage(peers, tmp_path_factory.mktemp("stage"), postgres, "shop")
    try:
        yield one.begin()
    finally:
        one.end()
