"""
The supervisor in a process of its own, as tests need it: it handles signals, so it cannot run inside pytest.

``python -m tests.cli.stage RUN_DIR NAME:PORT[:HABIT...] ... [errand:CODE]``: the first part is what all others come
after; the errand runs CODE in Python when all are ready. Habits: those of `tiny.py`, and `indulged` (a minute to end).
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from dataclasses import dataclass, replace
from pathlib import Path

from clew.supervisor import (
    RUN_VARIABLE,
    BoundedLog,
    Check,
    Console,
    Errand,
    Part,
    Policy,
    RunRecord,
    Supervisor,
    line_writer,
    processes,
    read_record,
)
from tests.support.waiting import eventually

TINY = Path(__file__).with_name("tiny.py")
PATIENT = Policy(first_delay_s=0.05, quick_deaths=3, settled_s=30.0, start_within_s=20.0, orphan_grace_s=0.2)
HURRIED = replace(PATIENT, start_within_s=0.5)  # where a part never gets ready


def part(description: str, first: str, run_id: str, cwd: Path) -> Part:
    name, port, *habits = description.split(":")
    return Part(
        name=name,
        command=(sys.executable, "-S", str(TINY), port, *habits),
        environ={RUN_VARIABLE: run_id},
        cwd=cwd,
        port=int(port),
        checks=(Check(int(port), "/healthz"),),
        after=() if name == first else (first,),
        grace_s=60.0 if "indulged" in habits else 0.6,
    )


def main(run_dir: Path, descriptions: list[str]) -> int:
    run_id = uuid.uuid4().hex
    first = descriptions[0].split(":")[0]
    record = RunRecord(
        run_id=run_id, pid=os.getpid(), identity=processes.identity(os.getpid()), phase="starting", started_s=0.0,
        config_dir=str(run_dir), ports={}, parts=(),
    )
    console = Console(line_writer(sys.stdout), log=BoundedLog(run_dir / "up.log"))
    errands = [one.removeprefix("errand:") for one in descriptions if one.startswith("errand:")]
    parts = [part(one, first, run_id, run_dir) for one in descriptions if not one.startswith("errand:")]
    supervisor = Supervisor(
        parts, record=record, run_dir=run_dir, console=console,
        errand=Errand((sys.executable, "-S", "-c", errands[0]), {}, run_dir, limit_s=0.5) if errands else None,
        farewell=("Stop it: Ctrl-C",),
        policy=HURRIED if any("unready" in one for one in descriptions) else PATIENT,
    )
    return supervisor.run()


@dataclass
class Stage:
    """One supervisor that a test has started."""

    process: subprocess.Popen[str]
    run_dir: Path

    @classmethod
    def start(cls, run_dir: Path, *descriptions: str) -> Stage:
        run_dir.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tests.cli.stage", str(run_dir), *descriptions]
        return cls(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True), run_dir)

    def record(self) -> RunRecord:
        """What it wrote last; fails as long as there is nothing of this supervisor."""
        record = read_record(self.run_dir)
        assert record is not None
        assert record.pid == self.process.pid
        return record

    def until(self, phase: str) -> RunRecord:
        eventually(lambda: self.record().phase == phase, what=f"phase {phase}")
        return self.record()

    def pids(self) -> dict[str, int]:
        return {part.name: part.pid for part in self.record().parts}

    def end(self, timeout_s: float = 8.0) -> tuple[int, str]:
        """Wait for its end; its exit code and all that it said."""
        output, _ = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, output


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
