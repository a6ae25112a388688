"""What the tests of line files share."""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path

SERVICE = "order"


def new_id() -> str:
    return str(uuid.uuid4())


class Drops(list[tuple[int, str]]):
    """What was told to `on_drop`."""

    def __call__(self, count: int, reason: str) -> None:
        self.append((count, reason))


def everything(directory: Path, instance: str) -> list[bytes]:
    """The lines of all segments of *instance*, in the order they were written."""
    segments = sorted(directory.glob(f"{SERVICE}-{instance}*.jsonl"), key=lambda path: path.stat().st_ino)
    numbered = sorted(segments, key=lambda path: int(path.name.split(".")[1]) if path.name.count(".") == 2 else 0)
    return [line for path in numbered for line in path.read_bytes().splitlines()]


def in_a_child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter that must end well."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done
