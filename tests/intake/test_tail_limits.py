"""Where a tail ends: lines and files that are too many or too long, files it may not read, a full disk."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clew.intake.positions import Positions
from clew.intake.tail import Tail
from clew.intake.watched import Batch, Limits
from tests.intake.tails import World, lines, taken


def test_a_line_of_just_the_allowed_length_is_a_line(world: World) -> None:
    world.write("a.log", b"x" * 64 + b"\n" + b"y" * 64 + b"\n")
    tail = world.tail(limits=Limits(line_bytes=64, head_bytes=8))
    assert taken(tail) == [b"x" * 64, b"y" * 64]
    assert tail.counts["overlong_lines"] == 0


def test_an_overlong_line_is_kept_by_its_head_and_its_neighbours_are_lines(world: World) -> None:
    world.write("a.log", b"before\n" + b"x" * 1000)
    tail = world.tail(limits=Limits(line_bytes=64, head_bytes=8))
    found: list[Batch] = []

    def drain() -> list[Batch]:
        while batches := tail.poll() or ([] if not tail.more else [None]):  # type: ignore[list-item]
            found.extend(batch for batch in batches if batch is not None)
        return found

    drain()
    world.write("a.log", b"x" * 500 + b"\nafter\n")
    drain()
    assert [batch.lines for batch in found] == [(b"before",), (), (b"after",)]
    overlong = found[1].overlong
    assert overlong is not None
    assert (overlong.start, overlong.end, overlong.head) == (7, 1507, b"x" * 8)
    tail.commit(found)
    tail.close()
    assert taken(world.tail(limits=Limits(line_bytes=64))) == []
    assert tail.counts["overlong_lines"] == 1


@pytest.mark.slow
def test_an_overlong_line_does_not_cost_memory(world: World) -> None:
    """64 MiB without a line break, read with a bound of 64 KiB: the peak stays far below the line."""
    import tracemalloc

    with open(world.logs / "a.log", "wb") as file:
        file.truncate(64 * 1024 * 1024)
        file.seek(0, os.SEEK_END)
        file.write(b"\nafter\n")
    tail = world.tail(limits=Limits(line_bytes=4 * 1024 * 1024))
    tracemalloc.start()
    try:
        assert taken(tail) == [b"after"]
        assert tracemalloc.get_traced_memory()[1] < 12 * 1024 * 1024
    finally:
        tracemalloc.stop()


def test_a_poll_is_bounded_and_says_that_there_is_more(world: World) -> None:
    for name in "abcdef":
        world.write(f"{name}.log", "0123456789abcde\n" * 64)
    tail = world.tail(poll_bytes=2048)
    batches = tail.poll()
    assert sum(batch.end - batch.start for batch in batches) == 2048
    assert tail.more
    tail.commit(batches)
    assert tail.status().behind_bytes == 4096
    assert len(taken(tail)) == 4 * 64
    assert tail.status().behind_bytes == 0
    assert not tail.more


@pytest.mark.slow
def test_thousands_of_files_are_read_with_few_of_them_open(world: World) -> None:
    for number in range(1500):
        world.write(f"{number}.log", f"first of {number}\n")
    tail = world.tail(max_open=20)
    assert len(taken(tail)) == 1500
    assert tail.status().open_files <= 20
    for number in (7, 1400):
        world.write(f"{number}.log", f"second of {number}\n")
    assert sorted(taken(tail)) == [b"second of 1400", b"second of 7"]


def test_a_file_that_is_gone_is_never_closed_unread_to_make_room(world: World) -> None:
    path = world.write("a.log", "one\n")
    tail = world.tail(max_open=1)
    taken(tail)
    world.write("a.log", "two\n")
    path.rename(world.logs / "a.old")
    world.write("b.log", "three\n")
    batches = tail.poll()
    assert lines(batches) == [b"two"]
    assert tail.poll() == []
    assert tail.more  # as soon as the first one is stored, the other one is opened
    tail.commit(batches)
    assert taken(tail) == [b"three"]


def test_bytes_in_a_file_that_went_away_unread_are_counted(world: World) -> None:
    """Closed as idle, grown and deleted between two polls: nobody can read it any more, but it is known."""
    path = world.write("a.log", "one\n")
    tail = world.tail(close_older_s=5.0, linger_s=5.0)
    taken(tail)
    world.now += 5
    tail.poll()
    world.write("a.log", "two\n")
    next(iter(tail._files.values())).saw(path.stat())  # it was seen to grow ...
    path.unlink()  # ... and was gone before it could be opened
    world.now += 5
    tail.poll()
    world.now += 5
    tail.poll()
    assert tail.counts["abandoned_bytes"] == 4
    assert tail.status().files == 0


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything; who is not root need not change."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_world() -> Iterator[World]:
    """A world that an unprivileged user can reach: tmp_path is inside a folder of root's."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        world = World(Path(folder))
        os.chmod(world.logs, 0o777)
        yield world


def test_a_file_that_may_not_be_read_is_reported_once_and_tried_again(open_world: World) -> None:
    closed = open_world.write("closed.log", "secret\n")
    open_world.write("open.log", "public\n")
    closed.chmod(0)
    with as_nobody():
        tail = open_world.tail()
        assert taken(tail) == [b"public"]
        assert taken(tail) == []
        (report,) = open_world.reports
        assert report == f"Cannot read {closed}: Permission denied. It is tried again until it can be read."
        assert tail.status().troubles == ((str(closed), "Permission denied"),)
    closed.chmod(0o644)
    with as_nobody():
        assert taken(tail) == [b"secret"]
        assert tail.status().troubles == ()
        tail.close()


def test_a_folder_that_may_not_be_listed_is_reported_once(open_world: World) -> None:
    open_world.write("a.log", "one\n")
    open_world.logs.chmod(0o311)
    with as_nobody():
        tail = open_world.tail()
        assert taken(tail) == []
        assert taken(tail) == []
    assert len(open_world.reports) == 1
    open_world.logs.chmod(0o755)
    with as_nobody():
        assert taken(tail) == [b"one"]
        tail.close()
    assert tail.counts["unreadable_files"] == 1


def test_positions_that_cannot_be_written_do_not_stop_the_reading(world: World) -> None:
    """A full disk: at least once still holds, and the failure is counted."""
    world.positions_path.parent.mkdir()
    (world.positions_path.parent / "sincedb.new").mkdir()  # nobody can write a file there
    world.write("a.log", "one\n")
    positions = Positions(world.positions_path)
    tail = Tail([str(world.logs / "*.log")], positions, start_position="beginning")
    assert taken(tail) == [b"one"]
    assert positions.counts["failed_writes"] > 0
