"""What a process keeps after its work is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

GROWTH = """
import re, sys, threading
from services.shared.memory import return_large_blocks
from services.user.passwords import Passwords

if "return" in sys.argv:
    return_large_blocks()
passwords = Passwords()

def own_kb():
    return int(re.search(r"Private_Dirty:\\s+(\\d+)", open("/proc/self/smaps_rollup").read())[1])

before = own_kb()
threads = [threading.Thread(target=lambda: [passwords.hash("a password") for _ in range(4)]) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(own_kb() - before)
"""


@pytest.mark.slow
def test_what_passwords_are_hashed_in_is_not_kept_by_each_thread() -> None:
    """7 MiB a thread; eight threads in two workers."""

    def grown_kb(*arguments: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", GROWTH, *arguments], capture_output=True, text=True, timeout=60, check=True
        )
        return int(done.stdout)

    assert grown_kb() > 7 * 1024, "left alone, it is kept; else return_large_blocks can go"
    assert grown_kb("return") < 1024
