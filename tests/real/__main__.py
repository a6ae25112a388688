"""``make test-real``: find or install the real peers, say which, then run the tests of this directory against them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.real.peers.cache import NoPeer
from tests.real.peers.providing import provide


def say(line: str) -> None:
    print(line, flush=True)


def main(arguments: list[str]) -> int:
    began = time.monotonic()
    try:
        peers = provide(os.environ, say)
    except NoPeer as why:
        sys.stderr.write(f"{why}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. What is whole stays in the cache; make test-real goes on from there.\n")
        return 130
    say(f"The real peers, ready after {time.monotonic() - began:.0f} s:")
    for row in peers.summary:
        say(str(row))
    # Five minutes for one test: with the first goes the start of everything.
    command = [sys.executable, "-m", "pytest", str(Path(__file__).parent), "--timeout=300", *arguments]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
