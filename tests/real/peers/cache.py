"""Where installed peers are kept: outside the tree, whole or not at all, and made by one run at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

Say = Callable[[str], object]


class NoPeer(Exception):
    """A peer is missing and cannot be installed; the message names what to install or to do."""


class Cache:
    """
    ``${XDG_CACHE_HOME:-~/.cache}/clew``: a directory ``peers/<name>-<version>`` for each peer, and the Go caches beside
    them. Deleting any of it is safe: it is made again.

    :param say: is told each step, with the time since the cache was opened.
    """

    def __init__(self, path: Path, say: Say) -> None:
        self.path = path
        self._say = say
        self._began = time.monotonic()

    @classmethod
    def of(cls, environ: Mapping[str, str], say: Say) -> Cache:
        base = environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return cls(Path(base).absolute() / "clew", say)

    def say(self, step: str) -> None:
        seconds = int(time.monotonic() - self._began)
        self._say(f"[{seconds // 60:02}:{seconds % 60:02}] {step}")

    def has(self, name: str) -> bool:
        return (self.path / "peers" / name).is_dir()

    def provide(self, name: str, make: Callable[[Path], None]) -> tuple[Path, float]:
        """
        The directory *name*, and how long it took to make (seconds; 0 if it was there).

        :param make: fills the empty directory that it is given. It appears under its name only when this returns, so
            what was interrupted is never taken for whole.
        """
        directory = self.path / "peers" / name
        if directory.is_dir():
            return directory, 0.0
        with self._alone():
            if directory.is_dir():  # the run that was waited for made it
                return directory, 0.0
            began = time.monotonic()
            for left_over in directory.parent.glob(f"{name}.unfinished-*"):
                shutil.rmtree(left_over)
            scratch = directory.with_name(f"{name}.unfinished-{os.getpid()}")
            scratch.mkdir()
            try:
                make(scratch)
            except BaseException:
                shutil.rmtree(scratch, ignore_errors=True)
                raise
            scratch.rename(directory)
            return directory, time.monotonic() - began

    @contextmanager
    def _alone(self) -> Iterator[None]:
        (self.path / "peers").mkdir(parents=True, exist_ok=True)
        with open(self.path / "peers" / "lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.say("another run is installing peers: waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
