"""The log files of processes that live."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def whole_lines(files: Iterable[Path]) -> list[dict[str, Any]]:
    """Those that are finished, file by file: whoever writes them may be in the middle of one."""
    return [json.loads(line) for file in sorted(files) for line in file.read_bytes().split(b"\n")[:-1]]
