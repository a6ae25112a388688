"""The file input's semantics, on real files: what is handed out, what is remembered, what survives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clew.intake.positions import Positions
from clew.intake.tail import Tail
from tests.intake.tails import World, lines, taken


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
