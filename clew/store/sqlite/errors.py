"""SQLite's errors, told as sentences that name the file and the next command."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clew.store import StoreError

PURGE = "`clew down --purge` empties the stores"

_SENTENCES = {
    sqlite3.SQLITE_FULL: "the disk is full, so nothing was changed; free some space, and it will be tried again",
    sqlite3.SQLITE_IOERR: "the disk failed ({error}), so nothing was changed; see the system's log",
    sqlite3.SQLITE_BUSY: "another process has been writing for seconds; try again, or see `clew status`",
    sqlite3.SQLITE_LOCKED: "another process has been writing for seconds; try again, or see `clew status`",
    sqlite3.SQLITE_NOTADB: f"this is not a database; move it away, or {PURGE}",
    sqlite3.SQLITE_CORRUPT: f"the file is damaged ({{error}}); {PURGE}",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened; see its permissions and those of its directory",
    sqlite3.SQLITE_READONLY: "the file cannot be written to; see its permissions and those of its directory",
    sqlite3.SQLITE_PERM: "the file cannot be opened; see its permissions",
}


def explained(path: Path, error: sqlite3.Error) -> StoreError:
    """
    *error*, which the database at *path* gave, as a StoreError.
    """
    # Extended codes (an I/O error while writing, …) have the plain code in their low byte.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return StoreError(f"{path}: " + _SENTENCES.get(code, "{error}").format(error=error))


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """
    Whatever SQLite raises within comes out as a StoreError about *path*.
    """
    try:
        yield
    except sqlite3.Error as error:
        raise explained(path, error) from error
