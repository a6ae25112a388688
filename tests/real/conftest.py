"""One Postgres for all tests, a database of its own for each."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from observability import Settings
from tests.real.postgres import Postgres, binaries


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = binaries()
    assert programs is not None, "There is no Postgres here. `make test-real` installs it."
    server = Postgres(programs)
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
