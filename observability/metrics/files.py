"""
The files of a metrics directory: who owns one, who is dead, and how a file appears and disappears.

A process holds an exclusive `flock` on its own file from before the file has its name until the process ends, however
it ends. So a file whose lock can be taken belongs to nobody any more, and process ids need not be believed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

from observability.metrics.lanes import Lanes, Segment

SUFFIX = ".lanes"
RETIRED = f"retired{SUFFIX}"
ASIDE = ".aside"
_TEMPORARY = ".new"
_LOCK = "fold.lock"
_STALE_S = 60.0


class Unreadable(Exception):
    """
    A file that is not ours, of another layout version, cut short or damaged. The message says which.
    """


class OwnFile:
    """
    The file of this process, under a temporary name until `publish`.

    The lock is on a file description of its own. It is not the one that is mapped: a mapping keeps a copy of its
    descriptor open for as long as any view of it lives, which would keep the lock alive in a forked child.
    """

    def __init__(self, directory: Path, instance: str, *, create_directory: bool) -> None:
        if create_directory:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The random part: an instance that closes and begins again must not replace its own unfolded file.
        name = f"{re.sub(r'[^A-Za-z0-9_-]', '_', instance)[:64]}.{secrets.token_hex(4)}"
        self.path = directory / (name + SUFFIX)
        self._temporary = directory / (name + _TEMPORARY)
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        self._lock = os.open(self._temporary, flags | os.O_CREAT | os.O_EXCL, 0o600)
        self._descriptors = [self._lock]
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._mapped = os.open(self._temporary, flags)
        except OSError:
            self.discard()
            raise
        self._descriptors.append(self._mapped)

    def grow(self, start: int, size: int) -> Segment:
        """
        A new segment whose blocks exist on the disk: on a sparse file a full disk would be a SIGBUS at the first store.
        """
        os.posix_fallocate(self._mapped, start, size)
        return Segment(mmap.mmap(self._mapped, size, offset=start), start)

    def publish(self) -> None:
        self._temporary.rename(self.path)

    def present(self) -> bool:
        """
        False once somebody has removed or replaced the file: what is written to it is then seen by nobody.
        """
        try:
            return os.path.samestat(os.stat(self.path), os.fstat(self._lock))
        except OSError:
            return False

    def close(self) -> None:
        """
        Let go of the lock. In a forked child this leaves the parent's lock alone: nothing is unlocked, only closed.
        """
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors = []

    def discard(self) -> None:
        """
        Undo a creation that failed before `publish`.
        """
        self.close()
        self._temporary.unlink(missing_ok=True)


def create(directory: Path, instance: str, head: bytes, *, create_directory: bool) -> tuple[OwnFile, Lanes]:
    """
    This process's file, locked, with a whole header, under its final name. OSError where that is not possible.
    """
    file = OwnFile(directory, instance, create_directory=create_directory)
    try:
        lanes = Lanes(file.grow, head)
        file.publish()
    except OSError:
        file.discard()
        raise
    return file, lanes


def names(directory: Path) -> list[str]:
    """
    The names of the processes' files, the retired one not among them. None where there is no directory.
    """
    try:
        return sorted(name for name in os.listdir(directory) if name.endswith(SUFFIX) and name != RETIRED)
    except (FileNotFoundError, NotADirectoryError):
        return []


def open_to_read(path: Path) -> int:
    """
    A descriptor of a regular file, without following links or waiting for a pipe. `Unreadable` for anything else,
    OSError when it is gone or may not be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as refused:
        if refused.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise Unreadable(f"{path.name} is not a regular file.") from refused
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable(f"{path.name} is not a regular file.")
    return descriptor


def has_owner(descriptor: int) -> bool:
    """
    Whether a process holds the file. If not, the caller now shares the ownerless lock until it closes *descriptor*;
    shared, so that two scrapers who look at the same moment do not take each other for the owner.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def set_aside(path: Path) -> bool:
    """
    Rename what cannot be read, so that it is complained about once. False if a process holds it (one of another
    release, say), if another scraper was first, or if it cannot be done.
    """
    try:
        with contextlib.suppress(Unreadable):
            descriptor = open_to_read(path)
            try:
                if has_owner(descriptor):
                    return False
            finally:
                os.close(descriptor)
        path.rename(path.with_name(path.name + ASIDE))
    except OSError:
        return False
    return True


@contextlib.contextmanager
def fold_lock(directory: Path) -> Iterator[bool]:
    """
    Whether the caller is the one who may fold, for as long as the context lasts. Never waits.
    """
    try:
        descriptor = os.open(directory / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def remove_abandoned(directory: Path, now: float) -> None:
    """
    Remove the temporary files of processes that were killed before they could publish. They never held a count.
    """
    for name in os.listdir(directory):
        path = directory / name
        with contextlib.suppress(OSError):
            if name.endswith(_TEMPORARY) and now - path.stat().st_mtime > _STALE_S:
                path.unlink()


def replace_retired(directory: Path, content: bytes) -> None:
    """
    Put *content* in the place of the retired file, whole or not at all. For the holder of the fold lock.
    """
    temporary = directory / f"retired{_TEMPORARY}"
    temporary.unlink(missing_ok=True)
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    temporary.rename(directory / RETIRED)
