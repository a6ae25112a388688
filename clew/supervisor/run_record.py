"""
`.clew/run/`: the lock that says a stack is running, and the file that says what it consists of.

The lock is an flock: the kernel gives it back when its holder dies, so a stale one cannot exist. The file is for
reading (`clew status`, `clew down`, the sweep after a kill -9); a pid in it counts only with its start time.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from clew.supervisor import processes


@dataclass(frozen=True, slots=True)
class PartRecord:
    """
    :param state: ``waiting starting ready restarting failed stopping stopped``.
    :param since_s: when it came into this state, seconds since the epoch.
    :param ready_after_s: how long its last start took; None if it was never ready.
    """

    name: str
    state: str
    pid: int
    identity: str
    port: int
    since_s: float
    restarts: int
    ready_after_s: float | None
    last_exit: str


@dataclass(frozen=True, slots=True)
class RunRecord:
    """
    One run of `clew up`. *phase*: ``starting ready up stopping stopped``; *up* is ready with the first journey done.
    """

    run_id: str
    pid: int
    identity: str
    phase: str
    started_s: float
    config_dir: str
    ports: Mapping[str, int]
    parts: tuple[PartRecord, ...]

    @property
    def alive(self) -> bool:
        return processes.is_same(self.pid, self.identity)

    def url(self, name: str) -> str:
        """The base URL of a port by its setting's name, for example ``EXPLORER_PORT``."""
        return f"http://127.0.0.1:{self.ports[name]}"


class RunLock:
    """
    Held by the one supervisor of a CLEW_HOME for as long as it lives. Not inherited by children.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / "lock"
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take it if nobody has it; whether we have it now."""
        file = open(self._path, "ab")  # noqa: SIM115 (stays open as long as the lock is held)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def is_held(self) -> bool:
        """Whether some other process holds it at this moment."""
        if not self._path.exists():
            return False
        with open(self._path, "ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False


def write_record(run_dir: Path, record: RunRecord) -> None:
    """Replace the record; a reader sees the old one or the new one, never half of one."""
    path = run_dir / "state.json"
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record)), "utf-8")
    os.replace(fresh, path)


def read_record(run_dir: Path) -> RunRecord | None:
    """The last record that was written, or None if there is none that can be read."""
    try:
        raw = json.loads((run_dir / "state.json").read_text("utf-8"))
        return RunRecord(**{**raw, "parts": tuple(PartRecord(**part) for part in raw["parts"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
