"""A folder of logs that tails read."""

from __future__ import annotations

from pathlib import Path

from clew.intake.positions import Positions
from clew.intake.tail import Tail
from clew.intake.watched import Batch


class World:
    """A folder of logs, a positions file, a clock that stands still, and tails that come and go."""

    def __init__(self, folder: Path) -> None:
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.positions_path = folder / "positions" / "sincedb"
        self.now = 1_795_246_863.0
        self.reports: list[str] = []
        self.tails: list[Tail] = []

    def tail(self, *, pattern: str = "*.log", **options: object) -> Tail:
        options.setdefault("start_position", "beginning")
        tail = Tail(
            [str(self.logs / pattern)],
            Positions(self.positions_path, clock=lambda: self.now),
            clock=lambda: self.now,
            report=self.reports.append,
            **options,  # type: ignore[arg-type]
        )
        self.tails.append(tail)
        return tail

    def release(self) -> None:
        """What a killed tail leaves to its process' end: this process goes on."""
        for tail in self.tails:
            tail.close()

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.logs / name
        with open(path, "ab") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path


def lines(batches: list[Batch]) -> list[bytes]:
    return [line for batch in batches for line in batch.lines]


def taken(tail: Tail) -> list[bytes]:
    """Everything there is now, committed."""
    found: list[bytes] = []
    while True:
        batches = tail.poll()
        found += lines(batches)
        tail.commit(batches)
        if not batches and not tail.more:
            return found
