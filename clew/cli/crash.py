"""
The file that a bug report needs.
"""

from __future__ import annotations

import platform
import tempfile
import time
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path


def write_crash(error: BaseException, *, argv: Sequence[str], home: Path, now_s: float | None = None) -> Path:
    """
    Write what happened to ``crash-<time>.txt`` in *home* (or in the system's temporary directory when *home* cannot be
    written); its path. Nothing of the environment is in it, because secrets are.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
    text = "\n".join((
        f"clew {version('clew')}, Python {platform.python_version()}, {platform.platform()}",
        f"command: clew {' '.join(argv)}",
        "",
        "".join(traceback.format_exception(error)),
    ))
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = home.absolute() / f"crash-{stamp}.txt"
        path.write_text(text, "utf-8")
    except OSError:
        handle, name = tempfile.mkstemp(prefix="clew-crash-", suffix=".txt")
        with open(handle, "w", encoding="utf-8") as file:
            file.write(text)
        path = Path(name)
    return path
