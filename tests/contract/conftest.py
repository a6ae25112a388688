"""
The stores that have to keep the promises of `clew/store/__init__.py`. A real backend joins here, by its address.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from clew.store import Retention, Stores
from clew.store.memory import memory_stores
from clew.store.sqlite import open_stores

STORES: dict[str, Callable[[Path, Retention], Stores]] = {
    "memory": lambda directory, retention: memory_stores(retention=retention),
    "sqlite": lambda directory, retention: open_stores(directory, retention=retention),
}

MakeStores = Callable[[Retention], Stores]


@pytest.fixture(params=sorted(STORES))
def make_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStores]:
    with ExitStack() as opened:

        def make(retention: Retention) -> Stores:
            stores = STORES[request.param](tmp_path / "store", retention)
            opened.callback(stores.close)
            return stores

        yield make


@pytest.fixture
def stores(make_stores: MakeStores) -> Stores:
    return make_stores(Retention(max_age_s=3600.0, max_bytes=0))
