"""
Ports are looked at before anything starts: a taken one is a sentence, not a stack trace of a child.
"""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Callable, Mapping, Sequence

from clew.supervisor import processes
from clew.supervisor.part import RUN_VARIABLE

HOST = "127.0.0.1"
_QUIET = range(20_000, 32_000)


def choose(wanted: Mapping[str, int], *, draw: Callable[[Sequence[int]], int] = random.choice) -> dict[str, int]:
    """
    *wanted* (setting name -> port) with every 0 replaced by a port that is free right now. It is drawn from below the
    range that the system gives to outgoing connections, so that none of those takes it before its server does.
    """
    chosen: dict[str, int] = {}
    for variable, port in wanted.items():
        while port == 0 or (wanted[variable] == 0 and (port in chosen.values() or _problem_with(port))):
            port = draw(_QUIET)
        chosen[variable] = port
    return chosen


def complaints(ports: Mapping[str, int]) -> list[str]:
    """One sentence per port that cannot be used: which, who holds it, which variable to change. None: all are free."""
    found = []
    owner: dict[int, str] = {}
    for variable, port in ports.items():
        if port in owner:
            found.append(f"{owner[port]} and {variable} are both {port}. Give one of them another port.")
            continue
        owner[port] = variable
        problem = _problem_with(port)
        if problem:
            found.append(f"{problem}. Use another: {variable}={_free_near(port, ports)} make up")
    return found


def _problem_with(port: int) -> str:
    try:
        _bind(port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"Port {port} is taken by {_holder(port)}"
        return f"Port {port} cannot be used ({error.strerror})"
    return ""


def _holder(port: int) -> str:
    pid = processes.listener_of(port)
    if pid is None:
        return "another process (of another user, or of another container)"
    home = processes.variable_of(pid, "CLEW_HOME") if processes.variable_of(pid, RUN_VARIABLE) else ""
    if home:
        return f"process {pid}, which belongs to another Clew ({home}; stop it: CLEW_HOME={home} clew down)"
    return f"process {pid} ({processes.command_of(pid) or 'unknown'})"


def _free_near(port: int, ports: Mapping[str, int]) -> int:
    for candidate in range(port + 100, min(port + 2000, 65535), 100):
        if candidate not in ports.values() and not _problem_with(candidate):
            return candidate
    return choose({"any": 0})["any"]


def _bind(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        probe.listen(1)
