"""
The instants at which a scraper can be killed or overtaken, one by one.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from observability.metrics.exact import partials, total
from observability.metrics.files import RETIRED, fold_lock, names
from observability.metrics.scanning import scan
from tests.observability.metrics.support import killed_child, make, samples, value


def test_a_folder_killed_before_it_removed_what_it_folded_counts_nothing_twice(tmp_path: Path) -> None:
    metrics = make(tmp_path / "metrics")
    hits = metrics.counter("hits", "Hits")
    for _ in range(2):
        killed_child(lambda: hits.inc(10))
    shutil.copytree(tmp_path / "metrics", tmp_path / "copy")
    assert value(metrics, "hits_total") == 20

    for name in names(tmp_path / "copy"):
        shutil.copy(tmp_path / "copy" / name, tmp_path / "metrics" / name)
    with fold_lock(tmp_path / "metrics"):  # so that nobody tidies up
        assert value(metrics, "hits_total") == 20
    killed_child(lambda: hits.inc(1))
    assert value(metrics, "hits_total") == 21
    assert value(metrics, "hits_total") == 21
    assert names(tmp_path / "metrics") == []


def test_a_folder_killed_while_it_wrote_leaves_the_old_state(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    killed_child(lambda: metrics.counter("hits", "Hits").inc(10))
    (tmp_path / "retired.new").write_bytes(b"OBSLANES and then the power went")

    assert value(metrics, "hits_total") == 10
    assert value(metrics, "hits_total") == 10
    assert not (tmp_path / "retired.new").exists()


def test_a_scraper_overtaken_by_a_folder_looks_again(tmp_path: Path) -> None:
    """Between listing the files and reading them, another process folds all of them, and then another lot."""
    metrics = make(tmp_path)
    hits = metrics.counter("hits", "Hits")
    killed_child(lambda: hits.inc(10))
    (tmp_path / "0-comes-first.lanes").symlink_to("nowhere")
    overtaken: list[Path] = []

    def complain(path: Path, why: Exception) -> None:
        overtaken.append(path)
        if len(overtaken) < 3:
            make(tmp_path, warn=lambda message: None).contents()
            killed_child(lambda: hits.inc(10))
            (tmp_path / "0-comes-first.lanes").symlink_to("nowhere")

    found = scan(tmp_path, complain)
    counted = sum(sum(r.parts) for content in found for r in content.series if r.definition.name == "hits_total")
    assert len(overtaken) == 3
    assert counted == 30


def test_a_scrape_does_not_wait_for_a_folder_that_is_stuck(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    hits = metrics.counter("hits", "Hits")
    killed_child(lambda: hits.inc(10))
    with fold_lock(tmp_path) as mine:
        assert mine
        assert value(metrics, "hits_total") == 10
        assert not (tmp_path / RETIRED).exists()


def test_what_a_process_left_that_was_killed_while_it_began_is_removed(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    old, young = tmp_path / "old.1234.new", tmp_path / "young.1234.new"
    for path in (old, young):
        path.touch()
    os.utime(old, (1, 1))
    samples(metrics)

    assert not old.exists()
    assert young.exists()


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=12), st.data())
def test_a_sum_does_not_depend_on_the_order_of_folding(amounts: list[float], data: st.DataObject) -> None:
    """It steps back not even by the last bit either: Prometheus takes any decrease for a reset."""
    retired: tuple[float, ...] = (0.0,)
    alive = list(amounts)
    seen = total([*retired, *alive])
    while alive:
        retired = partials([*retired, alive.pop(data.draw(st.integers(0, len(alive) - 1)))], 3)
        now = total([*retired, *alive])
        assert now == seen


def test_infinite_amounts_do_not_break_the_sum() -> None:
    assert total([float("inf"), 1.0]) == float("inf")
    assert total([1e308, 1e308]) == float("inf")
    assert partials([float("inf"), 1.0], 3) == (float("inf"), 0.0, 0.0)
