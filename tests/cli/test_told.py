"""A process of the stack hears that it shall end, whatever its main thread is doing at that moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEARS = """
import signal, sys, threading
from clew.stack.told import told_to_stop
told = told_to_stop()
def another_thread_is_interrupted():
    while not told._cond._waiters:
        pass
    signal.pthread_kill(threading.get_ident(), signal.Signals[sys.argv[1]])
threading.Thread(target=another_thread_is_interrupted).start()
print(told.wait(3))
"""

HELD = """
import os, signal, sys
from clew.stack.told import told_to_stop
told = told_to_stop()
with told._cond:  # where `wait` and `is_set` of the main thread are for a moment
    os.kill(os.getpid(), signal.Signals[sys.argv[1]])
    signal.sigtimedwait([], 0)  # the handler has run
print(told.wait(3))
"""


@pytest.mark.parametrize("sign", ["SIGTERM", "SIGINT", "SIGHUP"])
@pytest.mark.parametrize("script", [HEARS, HELD], ids=["main thread asleep", "main thread inside the event"])
def test_a_request_to_stop_is_heard_at_any_moment(script: str, sign: str) -> None:
    """
    Python runs handlers in the main thread only, and only when that wakes up. A signal that comes a moment before it
    falls asleep, or that another thread gets, does not wake it.
    """
    child = subprocess.run([sys.executable, "-c", script, sign], capture_output=True, text=True, timeout=20)
    assert child.stdout == "True\n", child.stderr
