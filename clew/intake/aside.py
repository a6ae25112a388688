"""A bounded directory for what could not be read: kept to look at, never in the way."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from clew.intake.tally import Tally

_OURS = re.compile(r"\d{8}T\d{6}\.\d{6}Z-[a-z0-9-]+-[0-9a-f]{16}\.bin")


class Aside:
    """
    Keeps bodies as files ``<time>-<kind>-<digest>.bin``, readable by the owner only. Never more than *max_files* nor
    *max_bytes* (bytes): the oldest go first. A body that is there already is not written again. Never raises for a
    disk that is full or a directory that cannot be written: then it counts.

    What is kept is raw: it has not been through redaction, so it stays on this machine.

    Counts (`counts`): ``kept:<kind>`` per call, ``evicted`` and ``unwritten`` files.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_files: int = 200,
        max_bytes: int = 16 * 1024 * 1024,
        max_body_bytes: int = 1024 * 1024,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self.counts = Tally()
        self._max_files = max_files
        self._max_bytes = max_bytes
        self._max_body_bytes = min(max_body_bytes, max_bytes)
        self._clock = clock
        self._lock = threading.Lock()
        self._sizes = self._existing()

    def keep(self, kind: str, body: bytes) -> Path | None:
        """
        The file that holds (the first `max_body_bytes` of) *body*, or None if it could not be written.

        :param kind: why it is here, in a few words of ``[a-z0-9-]``, such as ``traces-not-protobuf``.
        """
        body = body[: self._max_body_bytes]
        digest = hashlib.blake2b(body, digest_size=8).hexdigest()
        self.counts.add(f"kept:{kind}")
        with self._lock:
            for name in self._sizes:
                if name.endswith(f"-{kind}-{digest}.bin"):
                    return self.directory / name
            moment = datetime.fromtimestamp(self._clock(), UTC)
            name = f"{moment:%Y%m%dT%H%M%S.%f}Z-{kind}-{digest}.bin"
            if not self._write(name, body):
                return None
            self._sizes[name] = len(body)
            self._evict()
            return self.directory / name

    def _existing(self) -> dict[str, int]:
        """Name to size, oldest first: names start with the time."""
        try:
            with os.scandir(self.directory) as entries:
                found = {entry.name: entry.stat().st_size for entry in entries if _OURS.fullmatch(entry.name)}
        except OSError:
            # Not there yet, or not ours to read: the first write says so.
            return {}
        return dict(sorted(found.items()))

    def _write(self, name: str, body: bytes) -> bool:
        path = self.directory / name
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
        except OSError:
            self.counts.add("unwritten")
            with contextlib.suppress(OSError):  # half a body is worth nothing; if even this fails, it is still bounded
                path.unlink()
            return False
        return True

    def _evict(self) -> None:
        while len(self._sizes) > self._max_files or sum(self._sizes.values()) > self._max_bytes:
            oldest = next(iter(self._sizes))
            del self._sizes[oldest]
            self.counts.add("evicted")
            with contextlib.suppress(OSError):  # somebody else removed it, or made the directory read-only
                (self.directory / oldest).unlink()
