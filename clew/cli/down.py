"""
`clew down`: stop a running stack, attached or detached, and sweep what a killed one left.
"""

from __future__ import annotations

import argparse
import os
import signal
import time
from collections.abc import Callable

from clew.cli.verb import FINE, Context, Refusal, Verbs, add_verb
from clew.home import Home
from clew.supervisor import RunLock, RunRecord, read_record, sweep

_STOP_WITHIN_S = 8.0


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "down", "Stop the stack and the services of this CLEW_HOME.",
        example="clew down --purge",
        about="Fine too when nothing runs. Processes that a killed `clew up` left behind are ended.",
    )
    parser.add_argument("--purge", action="store_true", help="then delete all state: stores, logs, the services' data")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    home = Home.at(context.settings.clew_home)
    lock = RunLock(home.run)
    record = read_record(home.run)
    if lock.is_held():
        began = time.monotonic()
        _stop(lock, home)
        context.say(f"Stopped in {time.monotonic() - began:.1f} s.")
    else:
        context.say(f"No stack is running in {home.path}.")
    swept = sweep(record) if record is not None else []
    if swept:
        context.say(f"Ended what was left of it: {', '.join(swept)}.")
    if args.purge:
        _purge(home, lock, context)
    return FINE


def _stop(lock: RunLock, home: Home) -> None:
    record = _holder(lock, home)
    os.kill(record.pid, signal.SIGTERM)
    os.kill(record.pid, signal.SIGCONT)  # it may have been put to sleep with Ctrl-Z
    if _wait_for(lambda: not lock.is_held() and not record.alive, _STOP_WITHIN_S):
        return
    os.kill(record.pid, signal.SIGKILL)  # what it leaves is swept after this
    if not _wait_for(lambda: not lock.is_held() and not record.alive, 2.0):
        raise Refusal(f"Process {record.pid} cannot be ended. Look at it: ps -p {record.pid} -o pid,stat,args")


def _holder(lock: RunLock, home: Home) -> RunRecord:
    """Who holds the lock; a supervisor that has only just started gets a moment to write it down."""
    found: list[RunRecord] = []

    def look() -> bool:
        record = read_record(home.run)
        if record is not None and record.alive:
            found.append(record)
        return bool(found)

    if not _wait_for(look, 2.0):
        lock_path = home.run / "lock"
        raise Refusal(f"Something holds {lock_path} and does not say who it is. Find it: fuser {lock_path}")
    return found[0]


def _wait_for(check: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _purge(home: Home, lock: RunLock, context: Context) -> None:
    if not home.path.exists():
        context.say(f"There is no {home.path}: nothing to delete.")
        return
    if home.run.exists() and not lock.take():
        raise Refusal("A stack was started again meanwhile, so nothing was deleted. Stop it: clew down")
    try:
        left = home.purge()
    finally:
        lock.release()
    kept = f" Kept, because Clew did not make it: {', '.join(left)}." if left else ""
    context.say(f"Deleted the state in {home.path}.{kept}")
