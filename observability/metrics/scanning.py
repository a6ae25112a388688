"""
One consistent look at a metrics directory.

A scraper takes no lock. Folding replaces the retired file in one step and removes the folded files afterwards, and the
retired file names what it contains; so whoever reads the retired file, then all files it does not name, and then finds
the same retired file still in its place has seen every count exactly once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from observability.metrics.files import RETIRED, Unreadable, names, open_to_read
from observability.metrics.reading import Contents, read_file, read_open_file

Complain = Callable[[Path, Unreadable | OSError], None]
"""Takes a file that could not be read, and why. It may set the file aside."""


def scan(directory: Path, complain: Complain) -> list[Contents]:
    """
    What all files say: live processes first, newest first; the retired file last.
    """
    while True:  # again only if another process folded meanwhile, which it does once for each process that ended
        descriptor, before = _open(directory / RETIRED, complain)
        try:
            retired = _read_retired(descriptor, directory / RETIRED, complain)
            folded = set(retired.note["folded"]) if retired else set()
            found = [
                content
                for name in names(directory)
                if name not in folded and (content := _read(directory / name, complain)) is not None
            ]
            after = _stat(directory / RETIRED)
            if before is after is None or (before and after and os.path.samestat(before, after)):
                found.sort(key=lambda content: (not content.live, -content.born))
                return [*found, retired] if retired else found
        finally:
            # Kept open until now: the number of an open file is not given to another one.
            if descriptor is not None:
                os.close(descriptor)


def _open(path: Path, complain: Complain) -> tuple[int | None, os.stat_result | None]:
    """The file and its identity. Without a file the identity is what stands in its way, or None for nothing."""
    try:
        descriptor = open_to_read(path)
    except (FileNotFoundError, NotADirectoryError):
        return None, None
    except (Unreadable, OSError) as why:
        complain(path, why)
        return None, _stat(path)
    return descriptor, os.fstat(descriptor)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _read_retired(descriptor: int | None, path: Path, complain: Complain) -> Contents | None:
    if descriptor is None:
        return None
    try:
        return read_open_file(descriptor, path.name)
    except (Unreadable, OSError) as why:
        complain(path, why)
        return None


def _read(path: Path, complain: Complain) -> Contents | None:
    try:
        return read_file(path)
    except FileNotFoundError:
        return None  # folded since we listed it: then the retired file was replaced too, and we look again
    except (Unreadable, OSError) as why:
        complain(path, why)
        return None
