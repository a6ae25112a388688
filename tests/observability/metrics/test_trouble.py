"""
A directory that is full, read-only or full of rubbish never breaks a request, and nobody has to guess what is missing.
"""

from __future__ import annotations

import os
import resource
import socket
import threading
from pathlib import Path

import pytest

from observability.metrics.files import names
from observability.metrics.lanes import SEGMENT_SIZE
from observability.metrics.layout import COMMITTED, HEADER_SIZE, header
from tests.observability.metrics.support import exemplar, in_child, killed_child, make, samples, value
from tests.observability.metrics.test_processes import Children


def test_a_directory_that_cannot_be_made_leaves_the_counts_in_memory_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    warnings: list[str] = []
    metrics = make(tmp_path / "file" / "metrics", warn=warnings.append)
    for _ in range(3):
        metrics.counter("hits", "Hits").inc()
    metrics.histogram("wait_seconds", "Wait").observe(0.1, exemplar(1, 1.0))

    assert value(metrics, "hits_total") == 3
    assert value(metrics, "wait_seconds_count") == 1
    assert (value(metrics, "telemetry_private_series") or 0) >= 2
    assert (value(metrics, "process_cpu_seconds_total") or 0) > 0
    assert len(warnings) == 1
    assert "cannot be kept in" in warnings[0]


def _full_disk(directory: str, limit: int) -> list[object]:
    """Count in a process that may not write a file longer than *limit*: to the kernel the same as no space left."""
    warnings: list[str] = []
    metrics = make(Path(directory), warn=warnings.append)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    waits = metrics.histogram("wait_seconds", "Wait", ("n",))
    for number in range(100):  # 100 series of 2.5 KB need four segments
        waits.labels(number).observe(0.1)
        waits.labels(number).observe(0.1)
    return [
        sum(sample.value for sample in samples(metrics) if sample.name == "wait_seconds_count"),
        value(metrics, "telemetry_private_series"),
        warnings,
    ]


@pytest.mark.parametrize("limit", [SEGMENT_SIZE // 2, SEGMENT_SIZE, SEGMENT_SIZE * 3 // 2])
def test_a_full_disk_costs_no_count_of_this_process_and_no_bus_error(tmp_path: Path, limit: int) -> None:
    """A store into a sparse file on a full disk is a SIGBUS; so blocks are reserved, and else memory is used."""
    total, private, warnings = in_child(lambda: _full_disk(str(tmp_path), limit))

    assert total == 200
    assert private > 20
    assert len(warnings) == 1
    assert "too large" in warnings[0]
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".new")]


def test_the_blocks_of_a_file_exist_before_they_are_written(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    metrics.counter("hits", "Hits").inc()
    status = (tmp_path / names(tmp_path)[0]).stat()
    assert status.st_blocks * 512 >= status.st_size == SEGMENT_SIZE


def test_what_a_parent_kept_in_memory_is_not_told_again_by_its_child(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    metrics = make(tmp_path / "file" / "metrics", warn=lambda message: None)
    hits = metrics.counter("hits", "Hits")
    hits.inc(5)
    assert in_child(lambda: (hits.inc(1), value(metrics, "hits_total"))[1]) == 1
    assert value(metrics, "hits_total") == 5


def test_a_full_disk_stops_folding_and_not_counting(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    hits = metrics.counter("hits", "Hits")
    killed_child(lambda: hits.inc(5))
    (tmp_path / "retired.new").mkdir()

    warnings: list[str] = []
    other = make(tmp_path, warn=warnings.append)
    assert value(other, "hits_total") == 5
    assert value(other, "hits_total") == 5
    assert len(warnings) == 1
    assert "still counted" in warnings[0]


def _rubbish(directory: Path) -> None:
    whole = header(pid=1, started=1.0, born=1.0, instance="x")
    other_layout = bytearray(whole)
    other_layout[8] = 99
    (directory / "a-empty.lanes").touch()
    (directory / "b-foreign.lanes").write_bytes(b"%PDF-1.7 " * 1000)
    (directory / "c-torn.lanes").write_bytes(whole[:100])
    (directory / "d-newer.lanes").write_bytes(bytes(other_layout))
    (directory / "e-cut.lanes").write_bytes(header(pid=1, started=1.0, born=1.0, instance="x", committed=4096))
    (directory / "f-damaged.lanes").write_bytes(
        header(pid=1, started=1.0, born=1.0, instance="x", committed=HEADER_SIZE + 64) + b"\xff" * 64
    )
    (directory / "g-link.lanes").symlink_to("/dev/zero")
    os.mkfifo(directory / "h-pipe.lanes")
    (directory / "i-directory.lanes").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.getcwd()
        os.chdir(directory)  # the name of a socket may have 107 characters
        listening.bind("j-socket.lanes")
        os.chdir(here)
    (directory / "retired.lanes").write_bytes(whole)


def test_what_is_not_a_lanes_file_is_set_aside_once_and_counted(tmp_path: Path) -> None:
    _rubbish(tmp_path)
    (tmp_path / "README").write_text("not ours to touch")
    before = {path.name for path in tmp_path.iterdir()}
    warnings: list[str] = []
    metrics = make(tmp_path, warn=warnings.append)
    metrics.counter("hits", "Hits").inc(3)

    assert value(metrics, "hits_total") == 3
    assert value(metrics, "hits_total") == 3
    assert value(metrics, "telemetry_dropped_total", signal="metrics", reason="file_set_aside") == 11
    assert len(warnings) == 11
    after = {path.name for path in tmp_path.iterdir()} - {"fold.lock"} - set(names(tmp_path))
    assert after == {"README"} | {f"{name}.aside" for name in before - {"README"}}


def test_a_killed_workers_damaged_file_costs_its_counts_only(tmp_path: Path) -> None:
    warnings: list[str] = []
    metrics = make(tmp_path, warn=warnings.append)
    hits = metrics.counter("hits", "Hits")
    for _ in range(2):
        killed_child(lambda: hits.inc(5))
    victim = tmp_path / names(tmp_path)[0]
    os.truncate(victim, HEADER_SIZE + 8)

    assert value(metrics, "hits_total") == 5
    assert value(metrics, "hits_total") == 5
    assert (tmp_path / f"{victim.name}.aside").exists()
    assert "set aside" in warnings[0]


def test_a_live_file_of_another_release_is_left_alone_until_its_process_ends(tmp_path: Path) -> None:
    """During a rolling update two layouts may share the directory."""
    metrics = make(tmp_path, warn=lambda message: None)
    with Children() as others:
        others.start(make(tmp_path).counter("theirs", "Theirs").inc)
        (theirs,) = names(tmp_path)
        with (tmp_path / theirs).open("r+b") as file:
            file.seek(8)
            file.write(b"\x63")
        assert value(metrics, "theirs_total") is None
        assert names(tmp_path) == [theirs]
    assert value(metrics, "theirs_total") is None
    assert (tmp_path / f"{theirs}.aside").exists()


def test_a_live_file_whose_last_entry_is_not_visible_yet_is_read_up_to_it(tmp_path: Path) -> None:
    """A processor with a weak memory model may show the committed length before the entry; the next scrape has it."""
    metrics = make(tmp_path)
    metrics.counter("hits", "Hits").inc(3)
    (name,) = names(tmp_path)
    with (tmp_path / name).open("r+b") as file:
        file.seek(COMMITTED * 8)
        committed = int.from_bytes(file.read(8), "little")
        file.seek(COMMITTED * 8)
        file.write((committed + 64).to_bytes(8, "little"))
    assert value(metrics, "hits_total") == 3


def test_a_warning_may_be_logged_by_a_handler_that_counts(tmp_path: Path) -> None:
    """As ours does: log_lines_total. It must neither hang nor recur."""
    (tmp_path / "file").touch()

    def warn(message: str) -> None:
        metrics.counter("log_lines", "Log lines").inc()

    metrics = make(tmp_path / "file" / "metrics", warn=warn)
    metrics.counter("hits", "Hits").inc()
    assert value(metrics, "log_lines_total") == 1


def test_the_instance_id_is_asked_for_without_the_lock(tmp_path: Path) -> None:
    """Making the process's telemetry may count and wait for threads that count."""
    def instance() -> str:
        thread = threading.Thread(target=metrics.counter("started", "Started").inc)
        nested.append(1)
        if len(nested) == 1:
            thread.start()
            thread.join(5)
            assert not thread.is_alive()
        return "me"

    nested: list[int] = []
    metrics = make(tmp_path, instance=instance)
    metrics.counter("hits", "Hits").inc()
    assert value(metrics, "hits_total") == 1
    assert value(metrics, "started_total") == 1
