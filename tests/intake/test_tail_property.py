"""Whatever writers and rotation do, and whenever the reader is restarted: each line is committed exactly once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from clew.intake.positions import Positions
from clew.intake.tail import Tail
from clew.intake.watched import Batch, Limits

NAMES = st.sampled_from(["a", "b"])
COUNTS = st.integers(min_value=1, max_value=12)


class Writer:
    """An application with one log file, held open as real ones do, and what is in it that nobody has committed."""

    def __init__(self, path: Path) -> None:
        self.file = open(path, "ab", buffering=0)  # noqa: SIM115 (writers keep their file open)
        self.path: Path | None = path
        self.seen = False  # by the tail that runs now, which then holds it open
        self.open_lines: Counter[bytes] = Counter()
        self.partial = b""

    @property
    def settled(self) -> bool:
        return not self.open_lines and not self.partial


class Life(RuleBasedStateMachine):
    """
    The rules leave out only what no reader can survive: content that is gone from the disk before it was read, or that
    is nowhere in the glob when a new reader starts.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="clew-tail-"))
        self.writers: dict[str, Writer] = {}
        self.gone: list[Writer] = []
        self.pending: list[Batch] = []
        self.expected: Counter[bytes] = Counter()
        self.committed: Counter[bytes] = Counter()
        self.numbers = 0
        self.tail = self.started()

    def started(self) -> Tail:
        return Tail(
            [str(self.folder / "*.log")],
            Positions(self.folder / "positions"),
            start_position="beginning",
            limits=Limits(line_bytes=200),
            max_open=3,
            poll_bytes=400,
        )

    def number(self) -> int:
        self.numbers += 1
        return self.numbers

    @property
    def everyone(self) -> list[Writer]:
        return [*self.writers.values(), *self.gone]

    @rule(name=NAMES, count=COUNTS)
    def append(self, name: str, count: int) -> None:
        if name not in self.writers:
            self.writers[name] = Writer(self.folder / f"{name}.log")
        self.write_lines(self.writers[name], count)

    @rule(count=COUNTS)
    @precondition(lambda self: 0 < len(self.gone) < 3)  # with all three places taken, one that is read makes room
    def append_to_a_file_that_is_gone(self, count: int) -> None:
        self.write_lines(self.gone[-1], count)

    def write_lines(self, writer: Writer, count: int) -> None:
        lines = [b"line %d " % self.number() + b"x" * (self.numbers % 50) for _ in range(count)]
        end_of_partial = b"\n" if writer.partial else b""
        writer.file.write(end_of_partial + b"".join(line + b"\n" for line in lines))
        if writer.partial:
            lines.append(writer.partial)
            writer.partial = b""
        writer.open_lines.update(lines)
        self.expected.update(lines)

    @rule(name=NAMES)
    def append_an_unfinished_line(self, name: str) -> None:
        writer = self.writers.get(name)
        if writer is not None and not writer.partial:
            writer.partial = b"partial %d" % self.number()
            writer.file.write(writer.partial)

    @rule(name=NAMES)
    def rename_within_the_glob(self, name: str) -> None:
        writer = self.writers.pop(name, None)
        if writer is not None and writer.path is not None:
            new = self.folder / f"{name}.{self.number()}.log"
            writer.path.rename(new)
            writer.path = new
            self.writers[new.name] = writer

    @rule(name=NAMES, delete=st.booleans())
    def rename_out_of_the_glob_or_delete(self, name: str, delete: bool) -> None:
        writer = self.writers.get(name)
        # A reader has at most three files open here: only with few files is it sure to hold this one.
        if writer is not None and writer.path is not None and writer.seen and len(self.everyone) <= 3:
            if delete:
                writer.path.unlink()
            else:
                writer.path.rename(self.folder / f"{name}.{self.number()}.old")
            writer.path = None
            self.gone.append(self.writers.pop(name))

    @rule(name=NAMES, then=st.integers(min_value=0, max_value=40))
    def truncate_and_write_again(self, name: str, then: int) -> None:
        writer = self.writers.get(name)
        if writer is not None and writer.settled:
            os.ftruncate(writer.file.fileno(), 0)
            self.write_lines(writer, then)

    @rule(commit=st.booleans())
    def poll(self, commit: bool) -> None:
        self.pending += self.tail.poll()
        if not self.tail.more:
            for writer in self.everyone:
                writer.seen = True
        if commit:
            self.commit()

    @rule()
    def commit(self) -> None:
        self.tail.commit(self.pending)
        lines = Counter(line for batch in self.pending for line in batch.lines)
        self.committed.update(lines)
        for writer in self.everyone:
            writer.open_lines -= lines
        self.pending = []

    @rule(kill=st.booleans())
    def restart(self, kill: bool) -> None:
        if any(not writer.settled for writer in self.gone):
            return
        on_disk = {path: path.read_bytes() for path in self.folder.glob("positions*")}
        self.tail.close()
        if kill:  # as if the end had not come: what was on disk is all there is
            for path in self.folder.glob("positions*"):
                path.write_bytes(on_disk[path]) if path in on_disk else path.unlink()
        self.pending = []
        for writer in self.gone:
            writer.file.close()
        self.gone = []
        for writer in self.writers.values():
            writer.seen = False
        self.tail = self.started()

    def teardown(self) -> None:
        try:
            while True:
                batches = self.tail.poll()
                self.pending += batches
                self.commit()
                if not batches and not self.tail.more:
                    break
            assert self.committed == self.expected
        finally:
            self.tail.close()
            for writer in self.everyone:
                writer.file.close()
            shutil.rmtree(self.folder)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestLife = pytest.mark.slow(TestLife)
