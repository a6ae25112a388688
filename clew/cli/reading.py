"""
The stores of a home, for verbs that read: also while a stack writes, and after it has stopped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from clew.cli.verb import Refusal
from clew.home import Home

if TYPE_CHECKING:
    from clew.query import Readers


@contextmanager
def stored_readers(home: Home) -> Iterator[Readers]:
    """
    Readers of what is stored in *home*.

    :raises Refusal: nothing is stored there, or it cannot be read.
    """
    from clew.query.embedded import readers_of
    from clew.store import Retention, StoreError
    from clew.store.sqlite import open_stores

    try:
        stores = open_stores(home.store, retention=Retention(), read_only=True)
    except StoreError as error:
        raise Refusal(f"{error}.") from None
    try:
        yield readers_of(stores)
    except StoreError as error:
        raise Refusal(f"{error}.") from None
    finally:
        stores.close()
