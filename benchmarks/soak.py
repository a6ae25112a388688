"""
Ten minutes of mixed load with faults on, and a service killed (-9, with its workers) every minute: does every failed
answer have a logged error and a trace, and does the memory stay flat?

``make soak``, or ``python benchmarks/soak.py [MINUTES] [RPS]``. Exit code 1 if the answer is no. Ports and state are
its own, so a running `clew up` is not disturbed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from footprint import ROOT, clew_up, pss_mb

from clew.query import Readers
from clew.query.embedded import readers_of
from clew.store import Retention
from clew.store.model import LogFilter, LogLine
from clew.store.sqlite import open_stores
from clew.supervisor import RunRecord, processes, read_record

FAULTS = """
[[fault]]
service = "user"
route = "GET /users/<user_id>"
latency_ms = 100
error_ratio = 0.05
status = 500

[[fault]]
service = "order"
error_ratio = 0.02
status = 500
"""
VICTIMS = ("order", "user", "gateway")
SAYS_WHY = ("warning", "error", "critical")
GROWTH_AT_MOST = 1.15
"""Largest memory of the last third of the run, by that of the second: the first warms up."""


@dataclass(frozen=True, slots=True)
class Weighed:
    minute: float
    killed: str
    parts: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.parts.values())


def weigh(record: RunRecord) -> dict[str, float]:
    """PSS in MB by part."""
    parts = {part.name: sum(map(pss_mb, processes.members(part.pid))) for part in record.parts if part.pid}
    return {"supervisor": pss_mb(record.pid), **parts}


def soak(home: Path, load: subprocess.Popen[bytes], minutes: float) -> Iterator[Weighed]:
    """One row a minute; half a minute after each a service is killed."""
    began = time.monotonic()
    for number in range(int(minutes)):
        for half in (0.5, 1.0):
            try:
                load.wait(max(0.0, began + (number + half) * 60 - time.monotonic()))
                return
            except subprocess.TimeoutExpired:
                record = read_record(home / "run")
                assert record is not None
            if half == 0.5:
                victim = VICTIMS[number % len(VICTIMS)]
                (pid,) = [part.pid for part in record.parts if part.name == victim]
                os.killpg(pid, signal.SIGKILL)
        yield Weighed(number + 1, victim, weigh(record))


def failed(readers: Readers, status: int) -> Iterator[LogLine]:
    """The access lines with this status."""
    fields = (("event.action", "request.finished"), ("http.response.status_code", str(status)))
    before = None
    while True:
        found = readers.logs.search(LogFilter(fields=fields, before=before, limit=1000))
        yield from found
        if len(found) < 1000:
            return
        before = found[-1].cursor


def judge(readers: Readers) -> tuple[Counter[str], list[str]]:
    """How many failed answers there were, by service and status; and those that nothing explains."""
    counted: Counter[str] = Counter()
    silent = []
    for status in (500, 502, 503, 504):
        for line in failed(readers, status):
            service, trace_id = line.get("service.name"), str(line.get("trace.id"))
            counted[f"{service} {status}"] += 1
            said = readers.logs.search(LogFilter(trace_id=trace_id, levels=SAYS_WHY))
            reasons = [other for other in said if other.get("event.action") != "request.finished"]
            if not reasons or (status == 500 and not any(other.get("log.level") == "error" for other in reasons)):
                silent.append(f"{service} {status} {trace_id}: no line says why")
            if not readers.traces.trace(trace_id):
                silent.append(f"{service} {status} {trace_id}: no trace")
    return counted, silent


def main(minutes: float = 10, rps: float = 50) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        home, result = Path(scratch) / "home", Path(scratch) / "result.json"
        rows = []
        with clew_up(home) as (record, _):
            (home / "faults.toml").write_text(FAULTS, "utf-8")
            command = ["load", "--rps", f"{rps:g}", "--duration", f"{minutes * 60:g}s", "--seed", "1"]
            command += ["--gateway", record.url("GATEWAY_PORT"), "--json", str(result), "--every", "60s"]
            load = subprocess.Popen(
                [sys.executable, "-m", "clew.main", *command], cwd=ROOT, env={**os.environ, "CLEW_HOME": str(home)},
                stdout=subprocess.DEVNULL,
            )
            names = [part.name for part in record.parts]
            print(f"{'minute':>6}  {'killed':<8}" + "".join(f"{name + ' MB':>12}" for name in names) + "   all MB")
            for row in soak(home, load, minutes):
                rows.append(row)
                weights = "".join(f"{row.parts[name]:>12.1f}" for name in names)
                print(f"{row.minute:>6}  {row.killed:<8}{weights}{row.total:>9.1f}", flush=True)
            load.wait(60)
            subprocess.run(
                [sys.executable, "-m", "clew.main", "status"], cwd=ROOT, env={**os.environ, "CLEW_HOME": str(home)}
            )
        said = json.loads(result.read_text("utf-8"))
        stores = open_stores(home / "store", retention=Retention())
        try:
            counted, silent = judge(readers_of(stores))
        finally:
            stores.close()
    statuses = Counter[str]()
    for step in said["steps"]:
        statuses.update(step["statuses"])
    print(f"{said['requests']} requests, {said['rate']} a second, ms: {said['latency_ms']}")
    print("answers by status (0: none, the gateway was down): " + str(dict(sorted(statuses.items()))))
    print("failed answers in the access lines: " + str(dict(sorted(counted.items()))))
    print(f"{len(silent)} of them unexplained" + "".join(f"\n  {line}" for line in silent[:20]))
    third = max(1, len(rows) // 3)
    growth = max(row.total for row in rows[-third:]) / max(row.total for row in rows[third : 2 * third] or rows)
    print(f"memory of the last third by that of the second: {growth:.2f}. Promised: at most {GROWTH_AT_MOST}.")
    return int(bool(silent) or growth > GROWTH_AT_MOST)


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:])))
