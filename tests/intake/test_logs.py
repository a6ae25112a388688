"""From log files to the store: at least once, whatever the store does, and once by id."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clew.intake.aside import Aside
from clew.intake.logs import LogIntake
from clew.intake.positions import Positions
from clew.intake.shaping import Shape, shape_with
from clew.intake.tail import Tail
from clew.intake.watched import Limits
from clew.store import LogFilter, LogLine, StoreError
from clew.store.memory import MemoryLogStore, memory_stores
from tests.support.waiting import eventually


@dataclass(frozen=True)
class Raw:
    path: str
    text: bytes
    host: str


@dataclass(frozen=True)
class Document:
    index: str
    id: str | None
    timestamp_ns: int
    body: dict[str, object]


@dataclass(frozen=True)
class Drop:
    reason: str


@dataclass(frozen=True)
class Outcome:
    documents: Sequence[Document] = ()
    dropped: Sequence[Drop] = ()


def feed(lines: Sequence[Raw]) -> list[Outcome]:
    """A pipeline in a few lines: JSON with `n` gets an id, `noise` is dropped, the rest has no id, `bomb` raises."""
    outcomes = []
    for line in lines:
        if line.text == b"bomb":
            raise RuntimeError("a filter tripped")
        if line.text == b"noise":
            outcomes.append(Outcome(dropped=[Drop("health_check")]))
            continue
        body: dict[str, object] = {"message": line.text.decode("utf-8", "replace"), "host": line.host}
        identity = f"i-{json.loads(line.text)['n']}" if line.text.startswith(b"{") else None
        outcomes.append(Outcome([Document("clew-logs-2026.11.21", identity, 1, body)]))
    return outcomes


class MoodyStore(MemoryLogStore):
    """A real store that can be told to refuse, or to choke on one document."""

    def __init__(self) -> None:
        super().__init__(memory_stores().logs._retention)  # type: ignore[attr-defined]
        self.refuses = threading.Event()
        self.refused = threading.Event()

    def append(self, lines: Iterable[LogLine]) -> int:
        if self.refuses.is_set():
            self.refused.set()
            raise StoreError("logs.db: the disk is full")
        lines = list(lines)
        if any("choke" in str(line.document["message"]) for line in lines):
            raise TypeError("cannot serialise")
        return super().append(lines)


@dataclass
class Stack:
    folder: Path
    store: MoodyStore = field(default_factory=MoodyStore)
    reports: list[str] = field(default_factory=list)

    def intake(self) -> LogIntake:
        tail = Tail(
            [str(self.folder / "*.jsonl")],
            Positions(self.folder / "positions"),
            start_position="beginning",
            limits=Limits(line_bytes=1000, head_bytes=10),
        )
        shape: Shape = shape_with(feed, Raw, host="laptop")
        self.aside = Aside(self.folder / "aside")
        return LogIntake(tail, shape, self.store, self.aside, interval_s=0.01, report=self.reports.append)

    def write(self, *lines: str) -> None:
        with open(self.folder / "order-1.jsonl", "a") as file:
            file.writelines(line + "\n" for line in lines)

    def stored(self) -> list[str]:
        return sorted(str(line.document["message"]) for line in self.store.select(LogFilter()))


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path)


NEVER = threading.Event()


def test_a_line_becomes_a_document_and_is_not_read_again(stack: Stack) -> None:
    stack.write('{"n": 1}', '{"n": 2}')
    intake = stack.intake()
    intake.step(NEVER)
    intake.step(NEVER)
    assert stack.stored() == ['{"n": 1}', '{"n": 2}']
    status = intake.status()
    assert status.counts == {"documents_stored": 2, "lines_read": 2}
    assert status.tail.behind_bytes == 0
    assert status.last_stored_s is not None
    again = stack.intake()
    again.step(NEVER)
    assert again.status().counts == {}


def test_lines_read_twice_land_on_the_same_documents(stack: Stack) -> None:
    """With an id of their own or without: positions lost, and everything is read again."""
    stack.write('{"n": 1}', "not json", "not json")
    stack.intake().step(NEVER)
    (stack.folder / "positions").unlink()
    intake = stack.intake()
    intake.step(NEVER)
    assert stack.stored() == ["not json", "not json", '{"n": 1}']
    assert intake.status().counts == {"documents_replaced": 3, "lines_read": 3}


def test_what_the_pipeline_drops_is_counted_by_reason(stack: Stack) -> None:
    stack.write('{"n": 1}', "noise", "noise")
    intake = stack.intake()
    intake.step(NEVER)
    assert intake.status().counts["dropped:health_check"] == 2
    assert intake.status().tail.behind_bytes == 0


def test_a_line_that_breaks_the_pipeline_is_kept_aside_and_the_others_are_stored(stack: Stack) -> None:
    stack.write('{"n": 1}', "bomb", '{"n": 2}')
    intake = stack.intake()
    intake.step(NEVER)
    assert stack.stored() == ['{"n": 1}', '{"n": 2}']
    assert intake.status().counts["aside:pipeline-failed"] == 1
    (kept,) = stack.aside.directory.iterdir()
    assert kept.read_bytes() == b"bomb"


def test_a_document_that_no_store_can_write_is_kept_aside_and_the_others_are_stored(stack: Stack) -> None:
    stack.write('{"n": 1}', "choke", '{"n": 2}')
    intake = stack.intake()
    intake.step(NEVER)
    assert stack.stored() == ['{"n": 1}', '{"n": 2}']
    assert intake.status().counts["aside:unstorable"] == 1
    assert intake.status().tail.behind_bytes == 0


def test_an_overlong_line_is_kept_aside_by_its_head(stack: Stack) -> None:
    stack.write('{"n": 1}', "x" * 5000, '{"n": 2}')
    intake = stack.intake()
    while intake.step(NEVER):
        continue
    assert stack.stored() == ['{"n": 1}', '{"n": 2}']
    assert intake.status().counts == {"aside:overlong": 1, "documents_stored": 2, "lines_read": 3}
    (kept,) = stack.aside.directory.iterdir()
    assert kept.read_bytes() == b"x" * 10


def running(intake: LogIntake) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()
    thread = threading.Thread(target=intake.run, args=(stop,))
    thread.start()
    return thread, stop


@pytest.mark.slow
def test_a_store_that_refuses_is_asked_again_and_nothing_is_lost(stack: Stack) -> None:
    """The position does not move while it refuses; the trouble and its end are reported once each."""
    stack.store.refuses.set()
    stack.write('{"n": 1}')
    intake = stack.intake()
    thread, stop = running(intake)
    try:
        assert stack.store.refused.wait(5)
        stack.write('{"n": 2}')
        eventually(lambda: intake.status().counts.get("store_retries", 0) >= 2)
        assert intake.status().waiting == "logs.db: the disk is full"
        eventually(lambda: intake.status().tail.behind_bytes == 18, what="the second line is seen, too")
        assert stack.stored() == []
        stack.store.refuses.clear()
        eventually(lambda: stack.stored() == ['{"n": 1}', '{"n": 2}'])
        eventually(lambda: intake.status().waiting == "")
    finally:
        stop.set()
        thread.join(5)
    refused, accepted = stack.reports
    assert refused.startswith("The log store refuses")
    assert "the disk is full" in refused
    assert accepted == "The log store accepts again."


def test_a_stop_while_the_store_refuses_is_prompt_and_loses_nothing(stack: Stack) -> None:
    stack.store.refuses.set()
    stack.write('{"n": 1}')
    thread, stop = running(stack.intake())
    assert stack.store.refused.wait(5)
    began = time.monotonic()
    stop.set()
    thread.join(5)
    assert time.monotonic() - began < 1
    stack.store.refuses.clear()
    stack.intake().step(NEVER)
    assert stack.stored() == ['{"n": 1}']


def test_a_stop_takes_one_last_look(stack: Stack) -> None:
    """What a service wrote just before its end is in the store after `clew down`."""
    intake = stack.intake()
    thread, stop = running(intake)
    stack.write('{"n": 1}')
    eventually(stack.stored)
    stack.write('{"n": 2}')
    stop.set()
    thread.join(5)
    assert stack.stored() == ['{"n": 1}', '{"n": 2}']


def test_an_idle_intake_rests_between_looks(stack: Stack) -> None:
    """No busy loop: each look at files that do not change is followed by the pause."""
    intake = stack.intake()
    looks: list[object] = []
    began = time.monotonic()
    thread, stop = running(intake)

    def ten_looks() -> bool:
        if not looks or intake.status() is not looks[-1]:
            looks.append(intake.status())
        return len(looks) >= 10

    eventually(ten_looks, interval_s=0.001)
    took = time.monotonic() - began
    stop.set()
    thread.join(5)
    assert took >= 8 * 0.01
