"""The log file of a worker: complete, in order, bounded; and what dead workers leave is bounded too."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from observability.lines import LineFile
from observability.segments import Limits
from tests.observability.line_files import SERVICE, Drops, everything, new_id


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
