"""What the SQLite stores promise beyond the protocols: about their files."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clew.store import LogFilter, Matcher, Retention, SpanFilter, StoreError, Stores
from clew.store.sqlite import SqliteLogStore, SqliteSampleStore, SqliteSpanStore, open_stores
from tests.contract.make import T0_MS, T0_NS, exemplar, line, sample, series, span

FOREVER = Retention(max_age_s=1e9, max_bytes=0)
FILES = ("logs.db", "samples.db", "spans.db")
WRITER = """
import sys
from pathlib import Path
from clew.store import Retention
from clew.store.sqlite import open_stores
from tests.contract.make import line

stores = open_stores(Path(sys.argv[1]), retention=Retention())
for batch in range(10_000_000):
    stores.logs.append([line(f"{batch}-{n}", at_ns=batch, sequence=n) for n in range(50)])
    print(batch, flush=True)
"""


@pytest.fixture
def open_at(tmp_path: Path) -> Iterator[Callable[..., Stores]]:
    opened: list[Stores] = []

    def open_one(retention: Retention = FOREVER, *, read_only: bool = False) -> Stores:
        opened.append(open_stores(tmp_path / "store", retention=retention, read_only=read_only))
        return opened[-1]

    yield open_one
    for stores in opened:
        stores.close()


def fill(stores: Stores) -> None:
    stores.logs.append([line("a")])
    stores.samples.append([sample(series("up"), 0, 1.0)])
    stores.spans.append([span()])


def test_what_was_kept_is_there_after_a_restart(open_at: Callable[..., Stores]) -> None:
    stores = open_at()
    fill(stores)
    kept = stores.logs.select(LogFilter()), stores.spans.search(SpanFilter()), stores.samples.label_values("__name__")
    stores.close()
    stores.close()

    again = open_at()

    assert (
        again.logs.select(LogFilter()),
        again.spans.search(SpanFilter()),
        again.samples.label_values("__name__"),
    ) == kept
    assert again.logs.count_by_instance() == {("order", "one"): 1}


def test_the_directory_is_for_its_owner_only(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    open_at()

    assert (tmp_path / "store").stat().st_mode & 0o077 == 0
    assert sorted(file.name for file in (tmp_path / "store").glob("*.db")) == sorted(FILES)


def test_a_closed_store_says_so(open_at: Callable[..., Stores]) -> None:
    stores = open_at()
    stores.close()

    with pytest.raises(StoreError, match="closed"):
        stores.logs.append([line("a")])
    with pytest.raises(StoreError, match="closed"):
        stores.logs.count(LogFilter())


# ---- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_a_store_of_another_schema_version_is_refused_and_left_alone(
    open_at: Callable[..., Stores], tmp_path: Path, name: str
) -> None:
    open_at().close()
    file = tmp_path / "store" / name
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 99")
    other.close()
    before = file.read_bytes()

    with pytest.raises(StoreError, match=rf"{name}: .* version 99, .* version 1; `clew down --purge`"):
        open_at()

    assert file.read_bytes() == before


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"# my shopping list\n" * 300, "not a database"), (b"SQLite format 3\0" + b"\xff" * 5000, "damaged|not a")],
)
def test_a_file_that_is_no_database_is_refused_and_left_alone(
    open_at: Callable[..., Stores], tmp_path: Path, content: bytes, complaint: str, read_only: bool
) -> None:
    open_at().close()
    file = tmp_path / "store" / "samples.db"
    file.write_bytes(content)

    with pytest.raises(StoreError, match=rf"samples\.db: .*({complaint}).*`clew down --purge`"):
        open_at(read_only=read_only)

    assert file.read_bytes() == content


def test_a_database_of_somebody_else_is_refused_and_left_alone(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    file = tmp_path / "store" / "logs.db"
    theirs = sqlite3.connect(file)
    theirs.execute("CREATE TABLE line (theirs)")
    theirs.commit()
    theirs.close()
    before = file.read_bytes()

    with pytest.raises(StoreError, match=r"logs\.db: this database is not a store of logs"):
        open_at()

    assert file.read_bytes() == before


def test_stores_in_each_others_place_are_refused(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    open_at().close()
    (tmp_path / "store" / "logs.db").rename(tmp_path / "store" / "spans.db")

    with pytest.raises(StoreError, match=r"spans\.db: this database is not a store of spans"):
        open_at()


def test_damage_in_the_middle_is_told_with_the_file_and_the_next_command(
    open_at: Callable[..., Stores], tmp_path: Path
) -> None:
    stores = open_at()
    stores.logs.append([line(str(n), message="x" * 500) for n in range(200)])
    stores.close()
    file = tmp_path / "store" / "logs.db"
    content = file.read_bytes()
    file.write_bytes(content[:8192] + b"\x7f" * (len(content) - 8192))

    with pytest.raises(StoreError, match=r"logs\.db: the file is damaged .*`clew down --purge`"):
        open_at().logs.select(LogFilter())


def test_an_interrupted_beginning_is_taken_up_again(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    """A process that dies between making the file and making its tables leaves a database without any."""
    (tmp_path / "store").mkdir()
    begun = sqlite3.connect(tmp_path / "store" / "logs.db")
    begun.execute("PRAGMA journal_mode = WAL")
    begun.close()
    (tmp_path / "store" / "spans.db").touch()

    fill(open_at())


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StoreError, match="cannot be made"):
        open_stores(tmp_path / "file" / "store", retention=FOREVER)


# ---- readers in other processes ------------------------------------------------------------------------------------


def test_reading_where_there_is_no_store_names_the_next_command(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"there is no store at .*store; `clew up` makes one"):
        open_at(read_only=True)
    assert not (tmp_path / "store").exists()

    (tmp_path / "store").mkdir()
    with pytest.raises(StoreError, match=r"there is no store at .*logs\.db; `clew up` makes one"):
        open_at(read_only=True)
    assert list((tmp_path / "store").iterdir()) == []


def test_a_store_that_is_just_being_made_says_so(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    begun = sqlite3.connect(tmp_path / "store" / "logs.db")
    begun.execute("PRAGMA journal_mode = WAL")
    begun.close()

    with pytest.raises(StoreError, match="just being made; try again"):
        open_at(read_only=True)


def test_a_read_only_store_reads_what_is_being_written_and_writes_nothing(open_at: Callable[..., Stores]) -> None:
    writing = open_at()
    reading = open_at(read_only=True)

    fill(writing)

    assert reading.logs.count(LogFilter()) == 1
    assert reading.spans.search(SpanFilter()) == writing.spans.search(SpanFilter())
    assert len(reading.samples.select([], from_ms=0, to_ms=T0_MS)) == 1
    for change in (
        lambda: reading.logs.append([line("b")]),
        lambda: reading.spans.append([span()]),
        lambda: reading.samples.append([sample(series("up"), 1, 1.0)]),
        lambda: reading.logs.expire(now_s=0),
    ):
        with pytest.raises(StoreError, match="for reading only"):
            change()


def test_a_store_can_be_read_after_its_writer_has_gone(open_at: Callable[..., Stores]) -> None:
    writing = open_at()
    fill(writing)
    writing.close()

    assert open_at(read_only=True).logs.count(LogFilter()) == 1


@pytest.mark.slow
def test_a_kill_of_the_writer_loses_nothing_that_was_appended(open_at: Callable[..., Stores], tmp_path: Path) -> None:
    """Another process reads while it writes and after it was killed; then a new writer goes on."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert writer.stdout is not None
    try:
        for _ in range(20):
            assert writer.stdout.readline()
        reading = open_at(read_only=True)
        assert reading.logs.count(LogFilter()) >= 20 * 50
    finally:
        os.kill(writer.pid, signal.SIGKILL)
        said = writer.stdout.read().split()
        writer.wait()
        writer.stdout.close()

    appended = (int(said[-1]) if said else 19) + 1
    stored = reading.logs.count(LogFilter())
    assert stored in (appended * 50, (appended + 1) * 50)
    assert open_at(read_only=True).logs.count(LogFilter()) == stored
    going_on = open_at()
    assert going_on.logs.append([line("next")]) == 1
    assert reading.logs.count(LogFilter()) == stored + 1
    assert going_on.logs.count_by_instance() == {("order", "one"): stored + 1}


def test_two_writers_take_turns(open_at: Callable[..., Stores]) -> None:
    one, two = open_at(), open_at()

    one.samples.append([sample(series("up"), 0, 1.0)])
    two.samples.append([sample(series("up"), 1, 1.0)])
    one.logs.append([line("a")])
    two.logs.append([line("a"), line("b")])

    assert len(one.samples.select([], from_ms=0, to_ms=2 * T0_MS)[0].points) == 2
    assert one.logs.count_by_instance() == {("order", "one"): 2}


# ---- a full disk ---------------------------------------------------------------------------------------------------


def limit_pages(store: SqliteLogStore | SqliteSampleStore | SqliteSpanStore, pages: int) -> None:
    """To SQLite, a file that may not grow is a full disk."""
    with store.database.write() as connection:
        connection.execute(f"PRAGMA max_page_count = {pages}")


def test_a_full_disk_refuses_the_whole_batch_and_takes_it_when_there_is_room(open_at: Callable[..., Stores]) -> None:
    logs = open_at().logs
    assert isinstance(logs, SqliteLogStore)
    logs.append([line("before")])
    limit_pages(logs, 60)
    batch = [line(str(n), message="x" * 1000) for n in range(500)]

    with pytest.raises(StoreError, match=r"logs\.db: the disk is full"):
        logs.append(batch)
    assert [found.id for found in logs.select(LogFilter())] == ["before"]
    assert logs.count_by_instance() == {("order", "one"): 1}

    limit_pages(logs, 100_000)
    assert logs.append(batch) == 500
    assert logs.count_by_instance() == {("order", "one"): 501}


def test_a_full_disk_leaves_no_half_made_series_behind(open_at: Callable[..., Stores]) -> None:
    """The keys of series whose transaction was undone must not be remembered."""
    samples = open_at().samples
    assert isinstance(samples, SqliteSampleStore)
    limit_pages(samples, 20)
    batch = [sample(series("up", n=str(n), padding="x" * 200), 0, 1.0) for n in range(500)]

    with pytest.raises(StoreError, match="the disk is full"):
        samples.append(batch, [exemplar(series("up_bucket"), 0, 0.1)])
    assert samples.label_values("n") == []

    limit_pages(samples, 100_000)
    assert samples.append(batch) == 500
    assert len(samples.select([Matcher("__name__", "=", "up")], from_ms=0, to_ms=T0_MS)) == 500


# ---- retention by size ---------------------------------------------------------------------------------------------


def size(directory: Path, name: str) -> int:
    return sum(file.stat().st_size for file in directory.glob(f"{name}*") if not file.name.endswith("-shm"))


@pytest.mark.slow
def test_a_log_store_that_is_too_large_loses_its_oldest_lines_and_its_file_shrinks(
    open_at: Callable[..., Stores], tmp_path: Path
) -> None:
    logs = open_at(Retention(max_age_s=1e9, max_bytes=2_000_000)).logs
    for batch in range(10):
        logs.append([line(f"{batch * 500 + n:05}", at_ns=batch * 500 + n, message="x" * 300) for n in range(500)])
    assert size(tmp_path / "store", "logs.db") > 4_000_000

    deleted = logs.expire(now_s=T0_NS / 1e9)

    left = logs.count(LogFilter())
    assert deleted + left == 5000
    assert left > 500
    assert size(tmp_path / "store", "logs.db") <= 2_000_000
    newest = [found.id for found in logs.select(LogFilter(limit=10_000))]
    assert newest == [f"{n:05}" for n in range(4999, 4999 - left, -1)]
    assert logs.count_by_instance() == {("order", "one"): 5000}


@pytest.mark.slow
def test_a_span_store_that_is_too_large_loses_its_oldest_spans_and_its_file_shrinks(
    open_at: Callable[..., Stores], tmp_path: Path
) -> None:
    spans = open_at(Retention(max_age_s=1e9, max_bytes=2_000_000)).spans
    for batch in range(10):
        numbers = range(batch * 500, batch * 500 + 500)
        spans.append([span(f"{n:016x}", at_ns=n, status_message="x" * 300) for n in numbers])

    deleted = spans.expire(now_s=T0_NS / 1e9)

    assert 0 < deleted < 5000
    assert spans.find_span(f"{deleted:016x}")
    assert not spans.find_span(f"{deleted - 1:016x}")
    assert size(tmp_path / "store", "spans.db") <= 2_000_000


@pytest.mark.slow
def test_a_sample_store_that_is_too_large_loses_its_oldest_samples_and_its_file_shrinks(
    open_at: Callable[..., Stores], tmp_path: Path
) -> None:
    samples = open_at(Retention(max_age_s=1e9, max_bytes=1_000_000)).samples
    every = [series("up", n=str(n)) for n in range(100)]
    for at in range(1000):
        samples.append([sample(labels, at * 5000, 0.1 + at) for labels in every])
    samples.append([], [exemplar(every[0], 0, 0.1), exemplar(every[0], 999 * 5000, 0.1)])

    deleted = samples.expire(now_s=T0_MS / 1000 + 5000)

    left = samples.select([], from_ms=0, to_ms=2 * T0_MS)
    assert deleted + sum(len(found.points) for found in left) == 100_000
    assert 0 < deleted < 100_000
    assert {found.points[-1][0] for found in left} == {T0_MS + 999 * 5000}
    assert len(samples.exemplars([], from_ms=0, to_ms=2 * T0_MS)) == 1
    assert size(tmp_path / "store", "samples.db") <= 1_000_000


def test_a_store_within_its_limits_loses_nothing(open_at: Callable[..., Stores]) -> None:
    stores = open_at(Retention(max_age_s=1e9, max_bytes=10_000_000))
    fill(stores)

    assert [store.expire(now_s=T0_NS / 1e9) for store in (stores.logs, stores.samples, stores.spans)] == [0, 0, 0]
    assert stores.logs.count(LogFilter()) == 1
