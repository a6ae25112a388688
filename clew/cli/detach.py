"""
`clew up --detach`: the same supervisor in a session of its own, watched until it is up.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from clew.cli.verb import FINE, INTERRUPTED, NO, Context
from clew.home import Home
from clew.supervisor import read_record

_STOP_WITHIN_S = 8.0


def start_in_background(arguments: Sequence[str], *, home: Home, context: Context) -> int:
    """
    Start ``clew up`` with *arguments*, show what it says until it is up (0) or has ended (its exit code). Interrupted
    before that, it is stopped again.
    """
    log_path = home.run / "up.log"
    with open(log_path, "ab") as log:
        seen_to = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "clew.main", "up", "--background", *arguments],
            env=dict(context.environ), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
        )
    with open(log_path, "rb") as reader:
        reader.seek(seen_to)
        try:
            code = _watch(process, home.run, reader, context)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
            process.wait(_STOP_WITHIN_S)
            code = INTERRUPTED
        _copy(reader, context)
    return code


def _watch(process: subprocess.Popen[bytes], run_dir: Path, reader: IO[bytes], context: Context) -> int:
    while True:
        ended = process.poll()
        record = read_record(run_dir)
        up = record is not None and record.pid == process.pid and record.phase == "up"
        _copy(reader, context)
        if ended is not None:
            return ended or NO  # it must not end by itself
        if up:
            return FINE
        time.sleep(0.02)


def _copy(reader: IO[bytes], context: Context) -> None:
    text = reader.read().decode("utf-8", "replace")
    if text:
        context.out.write(text)
        context.out.flush()


