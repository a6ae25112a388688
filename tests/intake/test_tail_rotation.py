"""Files that are renamed, truncated, replaced and deleted while somebody reads them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clew.intake.watched import Limits
from tests.intake.tails import World, lines, taken
from tests.support.waiting import eventually


def test_a_file_that_shrank_is_read_again_from_its_start(world: World) -> None:
    path = world.write("a.log", "one\ntwo\n")
    tail = world.tail()
    assert taken(tail) == [b"one", b"two"]
    path.write_text("3\n")
    assert taken(tail) == [b"3"]
    assert tail.counts["restarted_files"] == 1


def test_a_file_truncated_and_written_beyond_its_old_position_is_read_again(world: World) -> None:
    """Logstash does not notice this one; the bytes before the position give it away."""
    path = world.write("a.log", "one\ntwo\n")
    tail = world.tail()
    taken(tail)
    path.write_text("three\nfour\nfive\n")
    assert taken(tail) == [b"three", b"four", b"five"]


def test_a_truncation_while_nobody_looks_is_noticed_after_the_restart(world: World) -> None:
    path = world.write("a.log", "one\ntwo\n")
    taken(world.tail())
    path.write_text("three\nfour\nfive\n")
    assert taken(world.tail()) == [b"three", b"four", b"five"]


def test_a_position_committed_after_a_truncation_does_not_skip_the_new_content(world: World) -> None:
    """A batch of the old content that is stored late must not move the new content's position."""
    path = world.write("a.log", "one\ntwo\n")
    tail = world.tail()
    old = tail.poll()
    path.write_text("3\n")
    new = tail.poll()
    tail.commit(old)
    assert tail.status().behind_bytes == 2
    tail.close()
    assert lines(new) == [b"3"]
    assert taken(world.tail()) == [b"3"]


def test_a_file_renamed_out_of_the_glob_is_read_to_its_end_before_its_successor(world: World) -> None:
    path = world.write("a.log", "one\n")
    tail = world.tail()
    taken(tail)
    world.write("a.log", "two\n")
    path.rename(world.logs / "a.log.1")
    world.write("a.log", "three\n")
    assert taken(tail) == [b"two", b"three"]


def test_a_file_is_held_from_its_first_sight_even_if_its_turn_to_be_read_has_not_come(world: World) -> None:
    """Its predecessor is not read to its end yet, and it is renamed away itself meanwhile; or the store is busy."""
    path = world.write("a.log", "x" * 60 + "\n" + "y" * 60 + "\n")
    tail = world.tail(limits=Limits(line_bytes=64))
    tail.look()
    path.rename(world.logs / "a.1")
    path = world.write("a.log", "second\n")
    assert lines(tail.poll()) == [b"x" * 60]
    path.rename(world.logs / "a.2")
    world.write("a.log", "third\n")
    assert taken(tail) == [b"y" * 60, b"second", b"third"]


def test_a_writer_that_holds_the_renamed_file_is_still_heard_for_a_while(world: World) -> None:
    path = world.write("a.log", "one\n")
    tail = world.tail(linger_s=60.0)
    taken(tail)
    with open(path, "a") as held:
        path.rename(world.logs / "a.log.1")
        world.write("a.log", "new\n")
        assert taken(tail) == [b"new"]
        world.now += 59
        held.write("late\n")
        held.flush()
        assert taken(tail) == [b"late"]
        world.now += 59
        assert tail.poll() == []
        assert tail.status().open_files == 2
        world.now += 1
        assert tail.poll() == []
        assert tail.status().open_files == 1


def test_a_file_renamed_within_the_glob_is_not_read_twice(world: World) -> None:
    path = world.write("a.log", "one\n")
    tail = world.tail(pattern="a.log*")
    taken(tail)
    path.rename(world.logs / "a.log.1")
    world.write("a.log", "two\n")
    assert taken(tail) == [b"two"]
    tail.close()
    (world.logs / "a.log.1").rename(world.logs / "a.log.2")
    assert taken(world.tail(pattern="a.log*")) == []


def test_a_file_deleted_while_open_is_read_to_its_end_and_forgotten(world: World) -> None:
    """Its inode number is free for another file, so its position must not stay behind."""
    path = world.write("a.log", "one\n")
    tail = world.tail(linger_s=10.0)
    taken(tail)
    world.write("a.log", "two\nunfinished")
    path.unlink()
    assert taken(tail) == [b"two"]
    world.now += 10
    assert taken(tail) == []
    tail.close()
    assert world.positions_path.read_text() == ""
    assert tail.counts["abandoned_bytes"] == len("unfinished")


def test_a_new_file_on_a_used_inode_is_read_from_its_start(world: World) -> None:
    """Whether it has the old name or another one, and whether it is longer or shorter than what was read."""
    for name, text in [("a.log", "longer than before\n"), ("b.log", "also longer than before\n"), ("a.log", "x\n")]:
        old = world.write("a.log", "one\ntwo\n")
        tail = world.tail()
        taken(tail)
        tail.close()
        # Writing over the file keeps the inode for sure, where delete and create only often do.
        old.write_text(text)
        old.rename(world.logs / name)
        assert taken(world.tail()) == [text.rstrip("\n").encode()]
        (world.logs / name).unlink()


def test_an_inode_used_again_while_its_file_was_closed_as_idle_is_noticed(world: World) -> None:
    path = world.write("a.log", "one\ntwo\n")
    tail = world.tail(close_older_s=5.0)
    taken(tail)
    world.now += 5
    tail.poll()
    assert tail.status().open_files == 0
    inode = path.stat().st_ino
    path.unlink()
    path.write_text("three is longer\n")
    same = path.stat().st_ino == inode  # usually, on ext4
    assert taken(tail) == [b"three is longer"]
    assert tail.counts["restarted_files"] == int(same)


def test_a_new_segment_is_found_and_both_are_read(world: World) -> None:
    world.write("order-1.log", "one\n")
    tail = world.tail()
    taken(tail)
    world.write("order-1.log", "two\n")
    world.write("order-1.2.log", "three\n")
    assert taken(tail) == [b"two", b"three"]


WRITER = """
import os, sys, time
folder, name, segments = sys.argv[1:]
n = 0
for segment in range(int(segments)):
    fd = os.open(f"{folder}/{name.format(segment)}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(200):
        n += 1
        os.write(fd, b"line %d of a writer that will be killed\\n" % n)
    os.close(fd)
os.write(os.open(f"{folder}/{name.format(segment)}", os.O_WRONLY | os.O_CREAT | os.O_APPEND), b"unfinished")
time.sleep(600)
"""


@contextmanager
def writer(world: World, name: str, *, segments: int) -> Iterator[None]:
    """A process that writes lines as fast as it can, opening *name* anew every 200, until it is killed (-9)."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(world.logs), name, str(segments)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def finished_lines(world: World) -> set[bytes]:
    return {line for path in world.logs.iterdir() for line in path.read_bytes().split(b"\n")[:-1]}


@pytest.mark.slow
def test_nothing_is_lost_when_files_are_renamed_while_their_writer_is_busy_and_then_killed(world: World) -> None:
    tail = world.tail(pattern="w.log")
    current = world.logs / "w.log"
    found: list[bytes] = []
    rotations = 0
    with writer(world, "w.log", segments=1_000_000):
        eventually(current.exists)
        while len(found) < 5_000 or rotations < 10:
            seen = current.stat().st_ino if current.exists() else 0
            batches = tail.poll()
            found += lines(batches)
            tail.commit(batches)
            if current.exists() and current.stat().st_ino == seen:
                rotations += 1
                current.rename(world.logs / f"w.{rotations}.old")
    found += taken(tail)
    assert len(found) == len(set(found))
    assert set(found) == finished_lines(world)


@pytest.mark.slow
def test_nothing_is_lost_when_the_reader_is_restarted_while_segments_grow(world: World) -> None:
    """Whatever was not committed before the restart comes again, and only that."""
    found: list[bytes] = []
    with writer(world, "w.{}.log", segments=200):
        eventually(lambda: any(world.logs.iterdir()))
        for life in range(20):
            tail = world.tail()
            for _ in range(life % 4):
                batches = tail.poll()
                tail.commit(batches)
                found += lines(batches)
            tail.poll()  # handed out, never stored
            if life % 2:
                tail.close()
    found += taken(world.tail())
    assert len(found) == len(set(found))
    assert set(found) == finished_lines(world)
