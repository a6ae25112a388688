"""Standard output gets its lines, and nobody ever waits for whoever should read them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from observability.console import Console
from tests.support.waiting import eventually


class Drops(list[tuple[int, str]]):
    """What was told to `on_drop`."""

    def __call__(self, count: int, reason: str) -> None:
        self.append((count, reason))

    def total(self, reason: str) -> int:
        return sum(count for count, why in self if why == reason)


@dataclass
class Pipe:
    """A pipe, and everything that came out of it so far."""

    reads: int
    writes: int
    seen: bytearray = field(default_factory=bytearray)

    def read_all(self) -> bytes:
        """What is in the pipe now, added to what was seen before."""
        os.set_blocking(self.reads, False)
        try:
            while part := os.read(self.reads, 65_536):
                self.seen += part
        except BlockingIOError:
            return bytes(self.seen)
        return bytes(self.seen)

    def close(self, end: str) -> None:
        """Close the end called *end* once; its number may be another file's afterwards."""
        fd = getattr(self, end)
        if fd >= 0:
            os.close(fd)
            setattr(self, end, -1)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    pipe.close("reads")
    pipe.close("writes")


def test_lines_come_out_in_order(pipe: Pipe) -> None:
    console = Console(pipe.writes)
    for number in range(500):
        assert console.write(b'{"number":%d}' % number)

    assert console.flush(5.0)
    assert pipe.read_all() == b"".join(b'{"number":%d}\n' % number for number in range(500))
    console.close()


def test_a_console_without_lines_has_no_thread() -> None:
    before = threading.active_count()
    console = Console()

    assert threading.active_count() == before
    assert console.flush(0.0)
    console.close()


def test_an_unread_pipe_never_blocks_the_caller_and_every_drop_is_counted(pipe: Pipe) -> None:
    drops = Drops()
    console = Console(pipe.writes, max_lines=100, on_drop=drops)
    line = b"x" * 1_000
    slowest = 0.0
    kept = 0
    for _ in range(2_000):
        start = time.perf_counter()
        kept += console.write(line)
        slowest = max(slowest, time.perf_counter() - start)

    assert slowest < 0.5
    assert drops.total("queue_full") == 2_000 - kept
    assert kept < 250  # 64 KiB in the pipe, 100 in the queue
    assert len(console) <= 100
    console.close(0.05)
    read = pipe.read_all().count(b"\n")
    assert read <= kept
    assert read + drops.total("queue_full") + drops.total("shutdown") == 2_000


def test_what_waits_is_bounded_in_bytes_too(pipe: Pipe) -> None:
    drops = Drops()
    console = Console(pipe.writes, on_drop=drops, max_bytes=10_000)
    for _ in range(200):
        console.write(b"x" * 4_000)

    assert drops.total("queue_full") > 100
    console.close(0.05)


def test_a_reader_who_comes_late_gets_what_waited(pipe: Pipe) -> None:
    console = Console(pipe.writes, max_lines=1_000)
    for number in range(500):
        console.write(b"%d " % number + b"x" * 1_000)
    assert not console.flush(0.01)

    eventually(lambda: pipe.read_all().count(b"\n") == 500)
    assert console.flush(5.0)
    assert [int(line.split()[0]) for line in pipe.seen.splitlines()] == list(range(500))
    console.close()


def test_a_long_line_comes_out_whole(pipe: Pipe) -> None:
    console = Console(pipe.writes)
    console.write(b"a" * 300_000)
    console.write(b"b")

    eventually(lambda: pipe.read_all().count(b"\n") == 2)
    assert pipe.read_all() == b"a" * 300_000 + b"\nb\n"
    console.close()


def test_lines_of_two_writers_on_one_pipe_are_not_torn_apart(pipe: Pipe) -> None:
    """Workers share standard output; up to 4 KiB is written at once (POSIX, PIPE_BUF)."""
    consoles = [Console(pipe.writes), Console(os.dup(pipe.writes))]
    for number in range(400):
        for name, console in zip(b"ab", consoles, strict=True):
            console.write(bytes([name]) * (number * 9))

    eventually(lambda: pipe.read_all().count(b"\n") == 800)
    assert all(len(set(line)) < 2 for line in pipe.read_all().splitlines())
    for console in consoles:
        console.close()
    os.close(consoles[1]._fd)


def test_a_reader_who_left_is_counted_and_survived(pipe: Pipe) -> None:
    drops = Drops()
    console = Console(pipe.writes, on_drop=drops)
    pipe.close("reads")
    for _ in range(10):
        assert console.write(b"x")

    assert console.flush(5.0)
    eventually(lambda: drops.total("io_error") == 10)
    console.close()


def test_a_closed_descriptor_is_counted_and_survived(pipe: Pipe) -> None:
    drops = Drops()
    console = Console(pipe.writes, on_drop=drops)
    pipe.close("writes")
    assert console.write(b"x")

    assert console.flush(5.0)
    eventually(lambda: drops == [(1, "io_error")])
    console.close()


def test_a_pipe_that_somebody_made_non_blocking_works_the_same(pipe: Pipe) -> None:
    os.set_blocking(pipe.writes, False)
    console = Console(pipe.writes)
    for number in range(300):
        console.write(b"%d " % number + b"x" * 1_000)

    eventually(lambda: pipe.read_all().count(b"\n") == 300)
    assert [int(line.split()[0]) for line in pipe.seen.splitlines()] == list(range(300))
    console.close()


def test_a_closed_console_takes_nothing_and_says_so(pipe: Pipe) -> None:
    drops = Drops()
    console = Console(pipe.writes, on_drop=drops)
    console.write(b"x")
    console.close()
    console.close()

    assert not console.write(b"late")
    assert drops == [(1, "shutdown")]
    assert pipe.read_all() == b"x\n"


@pytest.mark.parametrize("size", [1_000, 300_000])
def test_closing_ends_the_thread_even_when_nobody_reads(pipe: Pipe, size: int) -> None:
    console = Console(pipe.writes)
    for _ in range(300_000 // size):
        console.write(b"x" * size)
    start = time.perf_counter()
    console.close(0.05)

    assert time.perf_counter() - start < 2.0
    eventually(lambda: not any(thread.name == "console" for thread in threading.enumerate()))


def test_a_child_begins_empty_and_writes_its_own_lines(pipe: Pipe) -> None:
    """What waits in the parent is the parent's to write; the child's thread starts with its own first line."""
    console = Console(pipe.writes, max_lines=1_000)
    for number in range(200):
        console.write(b"parent %d " % number + b"x" * 1_000)  # more than the pipe takes: the thread is in the middle
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # ends the child if it blocks
        console.write(b"child")
        flushed = console.flush(10.0)
        os._exit(0 if flushed else 1)
    eventually(lambda: pipe.read_all().count(b"\n") == 201)
    _, status = os.waitpid(pid, 0)
    console.close()

    assert status == 0
    lines = pipe.read_all().splitlines()
    assert lines.count(b"child") == 1
    assert [int(line.split()[1]) for line in lines if line != b"child"] == list(range(200))


def test_a_fork_while_another_thread_holds_the_lock_does_not_block_the_child(pipe: Pipe) -> None:
    console = Console(pipe.writes)
    holds, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with console._changed:
            holds.set()
            enough.wait(timeout=20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(timeout=10)
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)  # ends the child if it blocks
        console.write(b"child")
        os._exit(0 if console.flush(4.0) else 1)
    _, status = os.waitpid(pid, 0)
    enough.set()
    thread.join()

    assert status == 0
    assert pipe.read_all() == b"child\n"


def test_a_signal_handler_may_log_in_the_middle_of_a_write(pipe: Pipe) -> None:
    console = Console(pipe.writes)
    with console._changed:
        assert console.write(b"from the handler")

    assert console.flush(5.0)
    assert pipe.read_all() == b"from the handler\n"
    console.close()


@pytest.mark.slow
def test_a_process_ends_at_once_although_nobody_reads_its_output() -> None:
    code = """
import atexit
from observability.console import Console
console = Console(on_drop=lambda count, reason: None)
atexit.register(console.close, 0.1)
for _ in range(500):
    console.write(b"x" * 1000)
"""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert child.wait(timeout=10) == 0
    finally:
        child.kill()
        assert child.stdout is not None
        child.stdout.close()

    assert time.perf_counter() - start < 5.0
