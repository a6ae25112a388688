"""A full disk, a torn line, a fork: the log file of a worker is honest about what it could not keep."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from observability.lines import LineFile
from tests.observability.line_files import SERVICE, Drops, everything, in_a_child, new_id

FULL = """
import json, resource, signal, sys
from observability.lines import LineFile
drops = []
limit = int(sys.argv[3])
file = LineFile(sys.argv[1], "order", sys.argv[2], max_bytes=10**6, on_drop=lambda count, reason: drops.append(reason))
assert file.write(b"before")
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
kept = [file.write(b"x" * 50 + b"-%d" % number) for number in range(5)]
trouble, count = file.trouble, len(drops)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
kept.append(file.write(b"after"))
file.close()
print(json.dumps({"kept": kept, "drops": drops, "trouble": trouble, "still": file.trouble}))
"""


@pytest.mark.slow
def test_a_full_disk_is_counted_and_recovered_from(tmp_path: Path) -> None:
    """No byte may be written for a while: every line of that time is counted, the next one is whole."""
    instance = new_id()
    told = json.loads(in_a_child(FULL, tmp_path, instance, 0).stdout)

    assert told["kept"] == [False] * 5 + [True]
    assert told["drops"] == ["disk_full"] * 5
    assert "File too large" in told["trouble"]
    assert told["still"] == ""
    assert everything(tmp_path, instance) == [b"before", b"after"]


@pytest.mark.slow
@pytest.mark.parametrize("limit", range(8, 62, 6))
def test_a_line_torn_by_a_full_disk_does_not_spoil_the_next(tmp_path: Path, limit: int) -> None:
    """What is in the files and what was counted as dropped add up, wherever in a line the room ended."""
    instance = new_id()
    told = json.loads(in_a_child(FULL, tmp_path, instance, limit).stdout)

    lines = everything(tmp_path, instance)
    whole = [b"before", *(b"x" * 50 + b"-%d" % number for number in range(5) if told["kept"][number]), b"after"]
    assert [line for line in lines if line in whole] == whole
    assert set(told["drops"]) <= {"disk_full"}
    assert len(told["drops"]) == told["kept"].count(False)
    assert all(line == b"x" * len(line) for line in lines if line not in whole)


@pytest.mark.slow
def test_a_limit_on_the_size_of_files_only_makes_more_of_them(tmp_path: Path) -> None:
    """Under ulimit -f a segment may be full long before its own size; one line per segment is lost, and counted."""
    code = """
import resource, sys
from observability.lines import LineFile
drops = []
file = LineFile(sys.argv[1], "order", sys.argv[2], keep=100, on_drop=lambda count, reason: drops.append(reason))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
kept = [file.write(b"x" * 39) for _ in range(30)]
print(kept.count(True), len(drops))
"""
    instance = new_id()

    assert in_a_child(code, tmp_path, instance).stdout.split() == ["20", "10"]
    assert everything(tmp_path, instance).count(b"x" * 39) == 20


@pytest.mark.slow
def test_a_device_without_room_is_counted(tmp_path: Path) -> None:
    """The kernel's own full device answers ENOSPC to every write."""
    drops = Drops()
    instance = new_id()
    (tmp_path / f"order-{instance}.jsonl").symlink_to("/dev/full")
    file = LineFile(tmp_path, SERVICE, instance, on_drop=drops)

    assert not file.write(b"one")
    assert drops == [(1, "disk_full")]
    assert "No space left on device" in file.trouble


def narrow_pipe(file: LineFile) -> int:
    """Put a pipe of 4 KiB in the place of the open file, and return its end to read from: a disk that fills at will."""
    reads, writes = os.pipe()
    fcntl.fcntl(writes, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writes, False)
    os.dup2(writes, file._fd)
    os.close(writes)
    return reads


def test_the_line_after_a_torn_one_starts_on_a_line_of_its_own(tmp_path: Path) -> None:
    drops = Drops()
    file = LineFile(tmp_path, SERVICE, new_id(), on_drop=drops)
    reads = narrow_pipe(file)

    assert not file.write(b"x" * 5_000)
    assert not file.write(b"no room for any of it")
    assert os.read(reads, 10_000) == b"x" * 4096
    assert file.write(b"next")
    assert file.write(b"last")
    assert os.read(reads, 10_000) == b"\nnext\nlast\n"
    assert drops == [(1, "io_error")] * 2
    os.close(reads)


def test_a_line_that_lacks_only_its_newline_counts_as_kept(tmp_path: Path) -> None:
    """Counted as dropped and found in the file would be one line too many."""
    drops = Drops()
    file = LineFile(tmp_path, SERVICE, new_id(), on_drop=drops)
    reads = narrow_pipe(file)

    assert file.write(b"x" * 4096)
    assert os.read(reads, 10_000) == b"x" * 4096
    file.close()
    assert os.read(reads, 10_000) == b"\n"
    assert drops == []
    os.close(reads)


def test_a_file_that_ends_in_the_middle_of_a_line_is_continued_on_a_new_one(tmp_path: Path) -> None:
    instance = new_id()
    path = tmp_path / f"order-{instance}.jsonl"
    path.write_bytes(b'{"whole":1}\n{"torn":')

    file = LineFile(tmp_path, SERVICE, instance)
    assert file.write(b'{"next":2}')

    assert path.read_bytes() == b'{"whole":1}\n{"torn":\n{"next":2}\n'


def test_a_child_never_writes_to_its_parents_file(tmp_path: Path) -> None:
    """In the child every line is refused and counted; the parent goes on, and is the only one that holds the lock."""
    drops = Drops()
    file = LineFile(tmp_path, SERVICE, new_id(), on_drop=drops)
    file.write(b"before")
    ready, done = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        refused = not file.write(b"from the child") and drops == [(1, "forked")]
        file.close()
        os.write(ready[1], b"1" if refused else b"0")
        os.read(done[0], 1)
        os._exit(0)
    try:
        assert os.read(ready[0], 1) == b"1"
        assert file.write(b"after")
        file.close()
        with file.path.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the living child does not hold it
    finally:
        os.write(done[1], b"1")
        os.waitpid(pid, 0)
        for fd in (*ready, *done):
            os.close(fd)

    assert file.path.read_bytes() == b"before\nafter\n"
    assert drops == []


def test_a_fork_in_the_middle_of_a_write_does_not_block_the_child(tmp_path: Path) -> None:
    """Another thread may hold the lock at the moment of the fork; its copy in the child is never let go."""
    file = LineFile(tmp_path, SERVICE, new_id())
    holds, enough = threading.Event(), threading.Event()

    def hold() -> None:
        with file._lock:
            holds.set()
            enough.wait(timeout=20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(timeout=10)
    pid = os.fork()
    if pid == 0:
        signal.alarm(5)  # ends the child if it blocks
        file.write(b"x")
        file.close()
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    enough.set()
    thread.join()

    assert status == 0


def test_two_writers_of_one_name_do_not_share_a_file(tmp_path: Path) -> None:
    instance = new_id()
    one, two = LineFile(tmp_path, SERVICE, instance), LineFile(tmp_path, SERVICE, instance)
    one.write(b"one")
    two.write(b"two")

    assert one.path.read_bytes() == b"one\n"
    assert two.path.read_bytes() == b"two\n"
