"""
How long `clew up` takes and what it weighs, beside three bare Flask services in the same shape.

Memory is PSS (smaps_rollup), which splits shared pages fairly among the processes that map them, so that it adds up.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clew.parts import PORTS
from clew.supervisor import RunRecord, processes, read_record

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 3.0
PSS_AT_MOST_MB = 350.0
BARE = "from flask import Flask\napp = Flask('bare')\napp.get('/healthz')(lambda: 'ok')\n"


def pss_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0.0
    found = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


@contextmanager
def clew_up(home: Path) -> Iterator[tuple[RunRecord, float]]:
    """A running stack and the seconds until every part was ready."""
    environ = {**os.environ, "CLEW_HOME": str(home), **dict.fromkeys(PORTS, "0")}
    began = time.time()
    process = subprocess.Popen(
        [sys.executable, "-m", "clew.main", "up"], cwd=ROOT, env=environ, stdout=subprocess.DEVNULL
    )
    try:
        yield wait_until_up(process, home), ready_at(home) - began
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)


def wait_until_up(process: subprocess.Popen[bytes], home: Path) -> RunRecord:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        record = read_record(home / "run")
        if record is not None and record.phase == "up":
            return record
        time.sleep(0.02)
    said = home / "run" / "up.log"
    raise SystemExit(f"clew up did not come up. It said:\n{said.read_text('utf-8') if said.exists() else 'nothing'}")


def ready_at(home: Path) -> float:
    record = read_record(home / "run")
    assert record is not None
    return max(part.since_s for part in record.parts)


@contextmanager
def bare_flask(directory: Path) -> Iterator[list[int]]:
    """Three times gunicorn gthread, 2 workers, preloaded, around a Flask app that says ok; their process groups."""
    (directory / "bare.py").write_text(BARE, "utf-8")
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "-w", "2", "--threads", "4", "--preload"]
    started = [
        subprocess.Popen(
            [*command, "--no-control-socket", "-b", "127.0.0.1:0", "bare:app"], cwd=directory, start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]
    try:
        deadline = time.monotonic() + 15
        while time.monotonic() < deadline and any(len(processes.members(p.pid)) < 3 for p in started):
            time.sleep(0.05)
        time.sleep(0.5)  # the workers have only just been forked: let them import
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(10)


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch, bare_flask(Path(scratch)) as groups:
        bare = sum(pss_mb(pid) for group in groups for pid in processes.members(group))
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        with clew_up(home) as (record, first_s):
            rows = [("supervisor", 1, pss_mb(record.pid), None)]
            for part in record.parts:
                pids = processes.members(part.pid)
                rows.append((part.name, len(pids), sum(pss_mb(pid) for pid in pids), part.ready_after_s))
        with clew_up(home) as (_, again_s):
            pass
    total = sum(row[2] for row in rows)
    print(f"{'part':<12}{'processes':>10}{'PSS MB':>10}{'ready s':>10}")
    for name, count, weight, seconds in rows:
        print(f"{name:<12}{count:>10}{weight:>10.1f}{'' if seconds is None else f'{seconds:.2f}':>10}")
    print(f"{'all':<12}{sum(row[1] for row in rows):>10}{total:>10.1f}{first_s:>10.2f}   (again: {again_s:.2f} s)")
    print(f"{'bare Flask':<12}{9:>10}{bare:>10.1f}{'':>10}   (three services, no telemetry, no stack)")
    print(f"ratio to bare Flask: {total / bare:.2f}. Promised: at most {PSS_AT_MOST_MB:g} MB and {READY_WITHIN_S:g} s.")
    return int(total > PSS_AT_MOST_MB or min(first_s, again_s) > READY_WITHIN_S)


if __name__ == "__main__":
    sys.exit(main())
