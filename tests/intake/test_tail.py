"""The file input's semantics, on real files: what is handed out, what is remembered, what survives."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clew.intake.positions import Positions
from clew.intake.tail import Tail
from clew.intake.watched import Batch, Limits
from tests.support.waiting import eventually


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


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.release()


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


def test_complete_lines_are_handed_out_once_with_their_place(world: World) -> None:
    path = world.write("a.log", "one\ntwo\n")
    tail = world.tail()
    (batch,) = tail.poll()
    assert (batch.path, batch.start, batch.end, batch.lines) == (str(path), 0, 8, (b"one", b"two"))
    assert tail.poll() == []
    world.write("a.log", "three\n")
    (batch,) = tail.poll()
    assert (batch.start, batch.end, batch.lines) == (8, 14, (b"three",))


def test_an_unfinished_line_waits_for_its_end(world: World) -> None:
    world.write("a.log", "whole\npartial")
    tail = world.tail()
    assert taken(tail) == [b"whole"]
    tail.close()
    tail = world.tail()
    assert taken(tail) == []
    world.write("a.log", " done\n")
    assert taken(tail) == [b"partial done"]


def test_empty_lines_and_carriage_returns_and_invalid_bytes_pass_untouched(world: World) -> None:
    world.write("a.log", b"\nw1\r\n\xff\xfe\x00x\n")
    assert taken(world.tail()) == [b"", b"w1\r", b"\xff\xfe\x00x"]


def test_a_delimiter_may_have_several_bytes(world: World) -> None:
    world.write("a.log", b"one\r\ntwo\nstill two\r\nthr\r")
    tail = world.tail(delimiter=b"\r\n")
    assert taken(tail) == [b"one", b"two\nstill two"]
    world.write("a.log", b"\n")
    assert taken(tail) == [b"thr"]


def test_start_at_the_end_holds_only_for_files_that_were_there_first(world: World) -> None:
    """start_position is for the first discovery; a file that appears later is read from its beginning."""
    world.write("a.log", "old\n")
    tail = world.tail(start_position="end")
    assert taken(tail) == []
    world.write("a.log", "new\n")
    world.write("b.log", "all of it\n")
    assert taken(tail) == [b"new", b"all of it"]


def test_a_file_first_seen_at_its_end_is_resumed_there_after_a_restart(world: World) -> None:
    """What is written while nobody tails is not skipped a second time, also when the first tail was killed."""
    world.write("a.log", "old\n")
    assert world.tail(start_position="end").poll() == []
    world.write("a.log", "while away\n")
    assert taken(world.tail(start_position="end")) == [b"while away"]


def test_a_restart_resumes_behind_what_was_committed(world: World) -> None:
    world.write("a.log", "one\n")
    tail = world.tail()
    assert taken(tail) == [b"one"]
    world.write("a.log", "two\n")
    assert lines(tail.poll()) == [b"two"]  # not committed
    tail.close()
    assert taken(world.tail()) == [b"two"]
    assert taken(world.tail()) == []


def test_the_positions_file_is_logstashs(world: World) -> None:
    """`<inode> <major> <minor> <position> <time> <path>`, major 0 and minor the whole device number."""
    path = world.write("a b.log", "one\n")
    taken(world.tail())
    stat = path.stat()
    assert world.positions_path.read_text() == f"{stat.st_ino} 0 {stat.st_dev} 4 1795246863.000000 {path}\n"


def test_positions_that_logstash_wrote_are_taken_over(world: World) -> None:
    """Both versions of its format, without marks."""
    first, second = world.write("a.log", "one\ntwo\n"), world.write("b.log", "three\nfour\n")
    device = first.stat().st_dev
    world.positions_path.parent.mkdir()
    world.positions_path.write_text(
        f"{first.stat().st_ino} 0 {device} 4 {world.now} {first}\n"
        f"{second.stat().st_ino} {os.major(device)} {os.minor(device)} 6\n"
    )
    assert sorted(taken(world.tail())) == [b"four", b"two"]


def test_a_damaged_positions_file_costs_a_second_reading_not_a_line(world: World) -> None:
    world.write("a.log", "one\n")
    world.positions_path.parent.mkdir()
    world.positions_path.write_bytes(b"17 0 \x00\xff garbage\n-1\n99 0 1 -5 1.0 /x\n")
    positions = Positions(world.positions_path)
    assert positions.counts["unreadable_lines"] == 3
    assert taken(world.tail()) == [b"one"]


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


def test_globs_are_looked_up_at_their_own_interval_and_known_files_at_each_poll(world: World) -> None:
    world.write("a.log", "one\n")
    tail = world.tail(discover_every_s=5.0)
    assert taken(tail) == [b"one"]
    world.write("a.log", "two\n")
    world.write("b.log", "three\n")
    assert taken(tail) == [b"two"]
    world.now += 5
    assert taken(tail) == [b"three"]
    world.now -= 3600  # a clock that is set back must not stop the discovery
    world.write("c.log", "four\n")
    assert taken(tail) == [b"four"]


def test_of_a_file_too_old_at_first_sight_only_what_is_added_is_read(world: World) -> None:
    old, young = world.write("old.log", "history\n"), world.write("young.log", "today\n")
    os.utime(old, (world.now - 100, world.now - 100))
    os.utime(young, (world.now - 10, world.now - 10))
    tail = world.tail(ignore_older_s=60.0)
    assert taken(tail) == [b"today"]
    world.write("old.log", "news\n")
    assert taken(tail) == [b"news"]


def test_excluded_names_are_left_alone(world: World) -> None:
    world.write("a.log", "one\n")
    world.write("a.debug.log", "noise\n")
    assert taken(world.tail(exclude=["*.debug.log"])) == [b"one"]


def test_braces_and_any_depth_in_a_path(world: World) -> None:
    (world.logs / "deep" / "er").mkdir(parents=True)
    for name in ("a.log", "b.txt", "deep/er/c.log", "d.md"):
        world.write(name, name + "\n")
    assert sorted(taken(world.tail(pattern="**/*.{log,t{x,s}t}"))) == [b"a.log", b"b.txt", b"deep/er/c.log"]


def test_folders_and_pipes_that_match_are_not_files(world: World) -> None:
    (world.logs / "folder.log").mkdir()
    os.mkfifo(world.logs / "pipe.log")
    world.write("a.log", "one\n")
    assert taken(world.tail()) == [b"one"]


def test_a_file_with_two_names_is_read_once(world: World) -> None:
    path = world.write("a.log", "one\n")
    (world.logs / "current.log").symlink_to(path)
    os.link(path, world.logs / "b.log")
    tail = world.tail()
    assert taken(tail) == [b"one"]
    path.unlink()
    world.write("b.log", "two\n")
    assert taken(tail) == [b"two"]


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


def test_old_records_are_cleaned_but_not_those_of_files_still_there(world: World) -> None:
    world.write("a.log", "one\n")
    gone = world.write("b.log", "two\n")
    tail = world.tail(linger_s=1.0)
    taken(tail)
    gone.rename(world.logs / "b.old")
    tail.poll()
    world.now += 15 * 24 * 3600
    tail.poll()
    tail.close()
    (line,) = world.positions_path.read_text().splitlines()
    assert line.endswith("a.log")


def test_relative_paths_and_empty_delimiters_and_folders_as_positions_are_refused(world: World) -> None:
    with pytest.raises(ValueError, match=r"absolute paths; 'logs/\*' is relative"):
        Tail(["logs/*"], Positions(None))
    with pytest.raises(ValueError, match="delimiter"):
        Tail(["/logs/*"], Positions(None), delimiter=b"")
    with pytest.raises(ValueError, match="is a directory"):
        Positions(world.logs)


def test_dev_null_remembers_nothing(world: World) -> None:
    world.write("a.log", "one\n")
    for _ in range(2):
        tail = Tail([str(world.logs / "*.log")], Positions(Path("/dev/null")), start_position="beginning")
        assert taken(tail) == [b"one"]
        tail.close()


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
