"""The log file of a worker: complete, in order, bounded, and honest about what it could not keep."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from observability.lines import LineFile
from observability.segments import Limits

SERVICE = "order"


def new_id() -> str:
    return str(uuid.uuid4())


class Drops(list[tuple[int, str]]):
    """What was told to `on_drop`."""

    def __call__(self, count: int, reason: str) -> None:
        self.append((count, reason))


def everything(directory: Path, instance: str) -> list[bytes]:
    """The lines of all segments of *instance*, in the order they were written."""
    segments = sorted(directory.glob(f"{SERVICE}-{instance}*.jsonl"), key=lambda path: path.stat().st_ino)
    numbered = sorted(segments, key=lambda path: int(path.name.split(".")[1]) if path.name.count(".") == 2 else 0)
    return [line for path in numbered for line in path.read_bytes().splitlines()]


def in_a_child(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter that must end well."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done


def test_a_line_is_in_the_file_when_write_returns(tmp_path: Path) -> None:
    instance = new_id()
    file = LineFile(tmp_path / "deep" / "logs", SERVICE, instance)

    assert file.write(b'{"a":1}')
    assert file.write(b'{"a":2}')

    assert file.path == tmp_path / "deep" / "logs" / f"order-{instance}.jsonl"
    assert file.path.read_bytes() == b'{"a":1}\n{"a":2}\n'
    assert file.trouble == ""
    file.close()


@pytest.mark.slow
def test_kill_minus_nine_loses_no_line_that_was_written(tmp_path: Path) -> None:
    code = """
import sys
from observability.lines import LineFile
file = LineFile(sys.argv[1], "order", sys.argv[2], max_bytes=4096, keep=10**6)
number = 0
while True:
    file.write(b'{"number":%d}' % number)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
    number += 1
"""
    instance = new_id()
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), instance], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for _ in range(2_000):
        child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    said = 1_999 + len(child.stdout.read().splitlines())
    child.wait(timeout=10)
    child.stdout.close()

    numbers = [json.loads(line)["number"] for line in everything(tmp_path, instance)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= said


def test_threads_share_a_file_and_lines_never_mix(tmp_path: Path) -> None:
    instance = new_id()
    file = LineFile(tmp_path, SERVICE, instance, max_bytes=20_000, keep=1_000)

    def work(name: int) -> None:
        for number in range(250):
            assert file.write(b'{"thread":%d,"number":%d,"x":"%s"}' % (name, number, b"y" * (number % 90)))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()

    lines = [json.loads(line) for line in everything(tmp_path, instance)]
    for name in range(4):
        assert [line["number"] for line in lines if line["thread"] == name] == list(range(250))


def test_a_full_segment_is_continued_in_a_new_file_and_none_is_renamed(tmp_path: Path) -> None:
    """A reader that holds the old file open has every byte of it; no segment is larger than allowed."""
    instance = new_id()
    file = LineFile(tmp_path, SERVICE, instance, max_bytes=100, keep=100)
    inodes: dict[str, int] = {}
    for number in range(40):
        assert file.write(b'{"number":%d}' % number)
        for path in tmp_path.iterdir():
            assert inodes.setdefault(path.name, path.stat().st_ino) == path.stat().st_ino
            assert path.stat().st_size <= 100

    assert {f"order-{instance}.jsonl", f"order-{instance}.1.jsonl", f"order-{instance}.5.jsonl"} <= inodes.keys()
    assert [json.loads(line)["number"] for line in everything(tmp_path, instance)] == list(range(40))


def test_a_line_larger_than_a_segment_gets_one_of_its_own(tmp_path: Path) -> None:
    instance = new_id()
    file = LineFile(tmp_path, SERVICE, instance, max_bytes=50)

    for line in (b"a", b"b" * 200, b"c"):
        assert file.write(line)

    assert everything(tmp_path, instance) == [b"a", b"b" * 200, b"c"]
    assert len(list(tmp_path.iterdir())) == 3


def test_only_the_newest_segments_stay_and_each_deletion_is_told(tmp_path: Path) -> None:
    deleted: list[tuple[str, int]] = []
    instance = new_id()
    file = LineFile(
        tmp_path,
        SERVICE,
        instance,
        max_bytes=10,
        keep=3,
        on_delete=lambda path, size: deleted.append((path.name, size)),
    )
    for number in range(6):
        file.write(b"line-%d--" % number)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"order-{instance}.{number}.jsonl" for number in (3, 4, 5)
    ]
    assert deleted == [
        (f"order-{instance}.jsonl", 9),
        (f"order-{instance}.1.jsonl", 9),
        (f"order-{instance}.2.jsonl", 9),
    ]


def test_the_group_may_read_the_files_whatever_the_umask(tmp_path: Path) -> None:
    """Logstash runs as another user."""
    before = os.umask(0o077)
    try:
        file = LineFile(tmp_path / "logs", SERVICE, new_id())
    finally:
        os.umask(before)

    assert file.path.stat().st_mode & 0o777 == 0o640
    assert file.path.parent.stat().st_mode & 0o777 == 0o750


def test_a_strange_service_name_stays_inside_the_directory(tmp_path: Path) -> None:
    file = LineFile(tmp_path / "logs", "../up / down", "../i")

    assert file.write(b"x")
    assert file.path == tmp_path / "logs" / ".._up___down-.._i.jsonl"


def test_a_deleted_file_or_directory_is_made_again_and_no_line_goes_nowhere(tmp_path: Path) -> None:
    drops = Drops()
    file = LineFile(tmp_path / "logs", SERVICE, new_id(), on_drop=drops)
    assert file.write(b"one")
    file.path.unlink()
    assert file.write(b"two")
    assert file.path.read_bytes() == b"two\n"
    shutil.rmtree(tmp_path / "logs")
    assert file.write(b"three")

    assert file.path.read_bytes() == b"three\n"
    assert drops == []


def test_a_descriptor_that_somebody_closed_is_opened_again(tmp_path: Path) -> None:
    file = LineFile(tmp_path, SERVICE, new_id())
    os.close(file._fd)

    assert file.write(b"one")
    assert file.path.read_bytes() == b"one\n"


def test_a_directory_that_cannot_be_made_is_counted_told_and_recovered_from(tmp_path: Path) -> None:
    """The service goes on without its log; it is not the log's place to stop it."""
    drops = Drops()
    (tmp_path / "logs").write_text("a file is in the way")
    file = LineFile(tmp_path / "logs", SERVICE, new_id(), on_drop=drops)

    assert not file.write(b"one")
    assert drops == [(1, "io_error")]
    assert file.trouble.endswith("takes no lines: File exists. Make room, or set LOG_DIR to another place.")

    (tmp_path / "logs").unlink()
    assert file.write(b"two")
    assert file.trouble == ""
    assert file.path.read_bytes() == b"two\n"


def test_a_closed_file_takes_nothing_and_says_so(tmp_path: Path) -> None:
    drops = Drops()
    file = LineFile(tmp_path, SERVICE, new_id(), on_drop=drops)
    file.close()
    file.close()

    assert not file.write(b"late")
    assert drops == [(1, "closed")]
    assert file.path.read_bytes() == b""


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


# ---- what dead workers leave behind ----


def left_behind(directory: Path, size: int, age_s: float, *, service: str = SERVICE, segment: str = "") -> Path:
    """The file of a worker that is gone."""
    path = directory / f"{service}-{new_id()}{segment}.jsonl"
    path.write_bytes(b"x" * size)
    os.utime(path, (NOW - age_s, NOW - age_s))
    return path


NOW = 1_800_000_000.0
HOUR = 3600.0


def opened(directory: Path, limits: Limits) -> list[tuple[Path, int]]:
    """What a new worker deletes."""
    deleted: list[tuple[Path, int]] = []
    LineFile(
        directory,
        SERVICE,
        new_id(),
        limits=limits,
        clock=lambda: NOW,
        on_delete=lambda path, size: deleted.append((path, size)),
    ).close()
    return deleted


def test_the_oldest_files_of_dead_workers_go_beyond_the_size(tmp_path: Path) -> None:
    old, older, young = (left_behind(tmp_path, 400, age * HOUR) for age in (3, 9, 2))
    other = left_behind(tmp_path, 5_000, 99 * HOUR, service="user")
    similar = left_behind(tmp_path, 5_000, 99 * HOUR, service="order-archive")
    stranger = tmp_path / "order-notes.jsonl"
    stranger.write_bytes(b"x" * 5_000)

    assert opened(tmp_path, Limits(size=1_000)) == [(older, 400)]
    assert all(path.exists() for path in (old, young, other, similar, stranger))


def test_the_oldest_files_of_dead_workers_go_beyond_the_count(tmp_path: Path) -> None:
    files = [left_behind(tmp_path, 1, (10 - number) * HOUR, segment=f".{number}" * (number > 0)) for number in range(5)]

    assert opened(tmp_path, Limits(count=3)) == [(files[0], 1), (files[1], 1)]


@pytest.mark.parametrize(("hard_size", "gone"), [(1_200, 0), (900, 1), (500, 2)])
def test_files_younger_than_an_hour_stay_unless_the_hard_limit_is_reached(
    tmp_path: Path, hard_size: int, gone: int
) -> None:
    """A reader may not have got to them yet."""
    files = [left_behind(tmp_path, 400, age) for age in (3_000, 2_000, 1_000)]

    assert opened(tmp_path, Limits(size=100, count=1, hard_size=hard_size)) == [(path, 400) for path in files[:gone]]


def test_the_files_of_a_living_worker_stay_also_those_it_has_moved_on_from(tmp_path: Path) -> None:
    living = LineFile(tmp_path, SERVICE, new_id(), max_bytes=10, keep=5)
    for _ in range(3):
        living.write(b"123456789")
    for path in tmp_path.iterdir():
        os.utime(path, (NOW - 99 * HOUR, NOW - 99 * HOUR))

    assert opened(tmp_path, Limits(size=1, count=0)) == []
    living.close()
    assert len(opened(tmp_path, Limits(size=1, count=0, age_s=-1))) == 4  # and the file of the worker that came between
