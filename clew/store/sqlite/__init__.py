"""
Stores in a directory: ``logs.db``, ``samples.db``, ``spans.db``. One process writes; any number may read meanwhile.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from clew.store import Retention, StoreError, Stores
from clew.store.sqlite.logs import SqliteLogStore
from clew.store.sqlite.samples import SqliteSampleStore
from clew.store.sqlite.spans import SqliteSpanStore

__all__ = ["SqliteLogStore", "SqliteSampleStore", "SqliteSpanStore", "open_stores"]


def open_stores(directory: Path, *, retention: Retention, read_only: bool = False) -> Stores:
    """
    The stores in *directory*, which is made (for its owner only) if it does not exist, unless *read_only*.

    StoreError, with the path and the next command, if there is nothing to read yet, or if a file is not ours, of
    another schema version or damaged; it is then left as it was. *retention* holds for each of the three files.
    """
    if not read_only:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            why = error.strerror
            raise StoreError(f"{directory}: cannot be made ({why}); name another place by CLEW_HOME") from error
    elif not directory.is_dir():
        raise StoreError(f"there is no store at {directory}; `clew up` makes one")
    with ExitStack() as undo:
        logs = SqliteLogStore(directory / "logs.db", retention, read_only=read_only)
        undo.callback(logs.close)
        samples = SqliteSampleStore(directory / "samples.db", retention, read_only=read_only)
        undo.callback(samples.close)
        spans = SqliteSpanStore(directory / "spans.db", retention, read_only=read_only)
        undo.pop_all()
    return Stores(logs=logs, samples=samples, spans=spans)
