"""
The files of one log directory: their names, who still writes them, and which may go.

A worker's file is ``<service>-<instance>.jsonl``, continued in ``<service>-<instance>.1.jsonl`` and so on. Its writer
holds a lock (flock) on the newest, which the kernel lets go with the process, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UNFIT = re.compile(r"[^A-Za-z0-9._\-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    How much the files of dead workers of one service may keep.

    :param size: bytes; the oldest go beyond it, none younger than *age_s* seconds.
    :param count: files, in the same way.
    :param hard_size: bytes beyond which even young files go.
    """

    size: int = 256 * 1024**2
    count: int = 256
    age_s: float = 3600.0
    hard_size: int = 1024**3


def segment_name(service: str, instance: str, number: int) -> str:
    """File name of segment *number*; letters that do not fit a file name become ``_``."""
    stem = f"{_UNFIT.sub('_', service)}-{_UNFIT.sub('_', instance)}"
    return f"{stem}.{number}.jsonl" if number else f"{stem}.jsonl"


def try_lock(fd: int) -> bool:
    """Take the writer's lock; false when another process has it."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sweep(
    directory: Path, service: str, limits: Limits, now: float, on_delete: Callable[[Path, int], None]
) -> None:
    """
    Delete what dead workers of *service* left beyond *limits*, oldest first; tell path and bytes of each.

    A file that cannot be read or deleted is left alone.
    """
    dead = sorted(_dead(directory, service), key=lambda item: item[1].st_mtime_ns)
    size, count = sum(status.st_size for _, status in dead), len(dead)
    for path, status in dead:
        young = now - status.st_mtime < limits.age_s
        fits = size <= limits.hard_size if young else (size <= limits.size and count <= limits.count)
        if fits:
            continue
        with suppress(OSError):
            path.unlink()
            size -= status.st_size
            count -= 1
            on_delete(path, status.st_size)


def _dead(directory: Path, service: str) -> Iterator[tuple[Path, os.stat_result]]:
    name = re.compile(f"{re.escape(_UNFIT.sub('_', service))}-({_UUID})(?:\\.[0-9]+)?\\.jsonl")
    silent = {worker: paths for worker, paths in _workers(directory, name).items() if not any(map(_is_locked, paths))}
    # A live worker may have moved on to a new segment between listing and asking: then that one is there now.
    now = _workers(directory, name)
    for worker, paths in silent.items():
        if now.get(worker) != paths:
            continue
        for path in paths:
            with suppress(OSError):
                yield path, path.stat()


def _workers(directory: Path, name: re.Pattern[str]) -> dict[str, set[Path]]:
    found: dict[str, set[Path]] = {}
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            match = name.fullmatch(entry.name)
            if match:
                found.setdefault(match[1], set()).add(Path(entry.path))
    return found


def _is_locked(path: Path) -> bool:
    """A shared lock is asked for, so that two sweeps do not take each other for writers."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
