"""
After a supervisor that was killed: end what it left, and only that.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from clew.supervisor import processes
from clew.supervisor.part import RUN_VARIABLE
from clew.supervisor.run_record import RunRecord


def leftovers(record: RunRecord) -> list[tuple[str, int]]:
    """
    (part, process group) of what still lives of the run in *record*. A group counts if its leader has the recorded
    start time, or, with the leader gone, if a member carries the run's id in its environment. Never by name.
    """
    found = []
    for part in record.parts:
        if part.pid <= 0:
            continue
        alive = processes.members(part.pid)
        ours = processes.is_same(part.pid, part.identity) or any(
            processes.variable_of(pid, RUN_VARIABLE) == record.run_id for pid in alive if pid != part.pid
        )
        if alive and ours:
            found.append((part.name, part.pid))
    return found


def sweep(
    record: RunRecord, *, grace_s: float = 2.0, clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[str]:
    """
    SIGTERM to every leftover of *record*, SIGKILL after *grace_s*; the names of the parts that were found. Returns when
    they are gone, at most one second after the SIGKILL.
    """
    found = leftovers(record)
    for _, group in found:
        processes.signal_group(group, signal.SIGTERM)
    start, killed = clock(), False
    while left := leftovers(record):
        elapsed = clock() - start
        if elapsed > grace_s + 1:
            break
        if elapsed > grace_s and not killed:
            killed = True
            for _, group in left:
                processes.signal_group(group, signal.SIGKILL)
        sleep(0.02)
    return [name for name, _ in found]
