"""
Readers built on stores: the same promises as the readers of the real backends, without the backends.
"""

from __future__ import annotations

from clew.query import Readers
from clew.query.embedded.logs import StoredLogs
from clew.query.embedded.metrics import StoredMetrics
from clew.query.embedded.traces import StoredTraces
from clew.store import Stores

__all__ = ["StoredLogs", "StoredMetrics", "StoredTraces", "readers_of"]


def readers_of(stores: Stores) -> Readers:
    """
    Readers of *stores*. They hold no state: make as many as you like, share them between threads.
    """
    return Readers(
        logs=StoredLogs(stores.logs), metrics=StoredMetrics(stores.samples), traces=StoredTraces(stores.spans)
    )
