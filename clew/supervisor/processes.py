"""
Who is this process, really? Pids are used again, so a pid counts only together with its start time.

Everything here reads /proc; where there is none (not Linux) identities are empty and nothing is ever "the same".
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def identity(pid: int) -> str:
    """
    Boot and start time of *pid* as text, equal only for the very same process; empty when it is gone (or a zombie).
    """
    fields = _stat(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return ""
    return f"{_boot()}:{fields[19]}"


def is_same(pid: int, recorded: str) -> bool:
    """Whether the process that was recorded as (*pid*, *recorded*) is still there."""
    return recorded != "" and identity(pid) == recorded


def members(group: int) -> list[int]:
    """
    Pids of the living processes of process group *group*; zombies do not count.
    """
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return []
    found = []
    for pid in _pids():
        fields = _stat(pid)
        if fields is not None and fields[0] not in ("Z", "X") and int(fields[2]) == group:
            found.append(pid)
    return found


def variable_of(pid: int, name: str) -> str:
    """The value of the environment variable *name* that *pid* was started with; empty if unset or not ours to see."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return ""
    prefix = f"{name}=".encode()
    found = next((entry for entry in environment.split(b"\0") if entry.startswith(prefix)), prefix)
    return found.removeprefix(prefix).decode("utf-8", "replace")


def command_of(pid: int) -> str:
    """The command line of *pid*, shortened; empty when it cannot be read."""
    try:
        words = (_PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return b" ".join(words).decode("utf-8", "replace").strip()[:120]


def signal_group(group: int, number: signal.Signals) -> None:
    """Send *number* to every process of *group*; a group that is gone is fine."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def listener_of(port: int) -> int | None:
    """
    The pid that listens on TCP *port*, if /proc lets us see it (processes of other users hide theirs).
    """
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    return next((pid for pid in _pids() if not sockets.isdisjoint(_handles(pid))), None)


def _handles(pid: int) -> Iterator[str]:
    """What the file descriptors of *pid* stand for; those that are closed meanwhile are left out."""
    directory = _PROC / str(pid) / "fd"
    with suppress(OSError):
        for name in os.listdir(directory):
            with suppress(OSError):
                yield os.readlink(directory / name)


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        try:
            rows = (_PROC / "net" / table).read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:  # 0A is LISTEN
                yield fields[9]


def _pids() -> Iterator[int]:
    try:
        names = os.listdir(_PROC)
    except OSError:
        return
    yield from (int(name) for name in names if name.isdigit())


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/<pid>/stat from the state on (proc(5): field 3 is index 0); the name may hold anything."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""
