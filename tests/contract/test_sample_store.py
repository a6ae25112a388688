"""The promises of `SampleStore`."""

from __future__ import annotations

import math
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from clew.store import STALE, Labels, Matcher, Retention, SelectionError, Series, Stores, is_stale
from tests.contract.conftest import MakeStores
from tests.contract.make import T0_MS, TRACE, exemplar, sample, series

UP = series("up", job="order", instance="order:8082")
EVER = {"from_ms": T0_MS - 10**9, "to_ms": T0_MS + 10**9}
HOUR_MS = 3_600_000


def named(name: str) -> list[Matcher]:
    return [Matcher("__name__", "=", name)]


def points(stores: Stores, labels: Labels = UP) -> list[tuple[int, float]]:
    """(milliseconds after T0, value) of one series."""
    (found,) = stores.samples.select([Matcher(name, "=", value) for name, value in labels], **EVER)
    assert found.labels == labels
    return [(moment - T0_MS, value) for moment, value in found.points]


def test_samples_come_back_oldest_first(stores: Stores) -> None:
    assert stores.samples.append([sample(UP, 2000, 3.0), sample(UP, 0, 1.0)]) == 2
    assert stores.samples.append([sample(UP, 1000, 2.0)]) == 1
    assert points(stores) == [(0, 1.0), (1000, 2.0), (2000, 3.0)]


@pytest.mark.parametrize("value", [0.0, -0.0, 0.1, 1e308, 5e-324, float(2**53 + 2), math.inf, -math.inf])
def test_values_are_exact(stores: Stores, value: float) -> None:
    stores.samples.append([sample(UP, 0, value)])

    assert points(stores) == [(0, value)]
    assert isinstance(points(stores)[0][1], float)


def test_a_second_sample_at_the_same_millisecond_replaces_the_first(stores: Stores) -> None:
    stores.samples.append([sample(UP, 0, 1.0)])

    assert stores.samples.append([sample(UP, 0, 2.0), sample(UP, 1, 3.0), sample(UP, 1, 4.0)]) == 1
    assert points(stores) == [(0, 2.0), (1, 4.0)]


def test_a_stale_marker_is_told_from_any_other_nan(stores: Stores) -> None:
    stores.samples.append([sample(UP, 0, 1.0), sample(UP, 1, math.nan), sample(UP, 2, STALE)])

    values = [value for _, value in points(stores)]

    assert [is_stale(value) for value in values] == [False, False, True]
    assert math.isnan(values[1])
    assert struct.pack(">d", values[2]).hex() == "7ff0000000000002"


def test_label_names_and_values_may_be_any_text(stores: Stores) -> None:
    odd = series("odd", ünïcode='Zürich "📦"\\\n', empty="")

    stores.samples.append([sample(odd, 0, 1.0)])

    assert odd == (("__name__", "odd"), ("ünïcode", 'Zürich "📦"\\\n'))
    assert points(stores, odd) == [(0, 1.0)]


def test_the_range_includes_both_ends(stores: Stores) -> None:
    stores.samples.append([sample(UP, at, float(at)) for at in range(5)])

    (found,) = stores.samples.select(named("up"), from_ms=T0_MS + 1, to_ms=T0_MS + 3)

    assert [value for _, value in found.points] == [1.0, 2.0, 3.0]


def test_series_are_sorted_and_empty_ones_left_out(stores: Stores) -> None:
    a, b, c = (series("up", job=job) for job in "abc")
    stores.samples.append([sample(c, 0, 1.0), sample(a, 0, 1.0), sample(b, 5000, 1.0)])

    found = stores.samples.select(named("up"), from_ms=T0_MS, to_ms=T0_MS + 1)

    assert [match.labels for match in found] == [a, c]


@pytest.mark.parametrize(
    ("matchers", "expected"),
    [
        ([], ["a", "b", "none"]),
        ([Matcher("job", "=", "a")], ["a"]),
        ([Matcher("job", "!=", "a")], ["b", "none"]),
        ([Matcher("job", "=", "")], ["none"]),
        ([Matcher("job", "!=", "")], ["a", "b"]),
        ([Matcher("job", "=~", "a|b")], ["a", "b"]),
        ([Matcher("job", "=~", ".+")], ["a", "b"]),
        ([Matcher("job", "=~", ".*")], ["a", "b", "none"]),
        ([Matcher("job", "!~", "a.*")], ["b", "none"]),
        ([Matcher("job", "=~", "alph")], []),
        ([Matcher("__name__", "=~", "u.")], ["a", "b", "none"]),
        ([Matcher("__name__", "=", "up"), Matcher("which", "=", "b")], ["b"]),
        ([Matcher("__name__", "=", "down")], []),
        ([Matcher("note", "=~", "two.lines")], ["b"]),
    ],
)
def test_matchers_mean_what_they_mean_in_prometheus(
    stores: Stores, matchers: list[Matcher], expected: list[str]
) -> None:
    """Expressions match whole values, a dot also a line break; a label that is missing is the empty string."""
    stores.samples.append(
        [
            sample(series("up", job="a", which="a"), 0, 1.0),
            sample(series("up", job="b", which="b", note="two\nlines"), 0, 1.0),
            sample(series("up", which="none"), 0, 1.0),
        ]
    )

    assert [found.label("which") for found in stores.samples.select(matchers, **EVER)] == expected


@pytest.mark.parametrize("matcher", [Matcher("job", "=~", "("), Matcher("job", "~", "a")])
def test_a_broken_matcher_is_refused_by_name(stores: Stores, matcher: Matcher) -> None:
    with pytest.raises(SelectionError, match=r"'\(' for label 'job'|'~' is not a label matcher"):
        stores.samples.select([matcher], **EVER)


def test_a_selection_that_is_too_large_is_refused(stores: Stores) -> None:
    stores.samples.append([sample(series("up", job=job), at, 1.0) for job in "ab" for at in range(5)])

    assert len(stores.samples.select(named("up"), **EVER, max_points=10)) == 2
    with pytest.raises(SelectionError, match="more than 9 samples"):
        stores.samples.select(named("up"), **EVER, max_points=9)


def test_last_is_the_newest_point_of_each_series(stores: Stores) -> None:
    ended = series("up", job="ended")
    stores.samples.append([sample(UP, 0, 1.0), sample(UP, 1, 2.0), sample(ended, 0, 5.0), sample(ended, 1, STALE)])
    only_stale = series("up", job="only stale")
    stores.samples.append([sample(only_stale, 0, STALE)])

    def last(to_ms: int, *, skip_stale: bool) -> dict[Labels, tuple[int, float]]:
        found = stores.samples.last(named("up"), from_ms=T0_MS, to_ms=T0_MS + to_ms, skip_stale=skip_stale)
        assert [match.labels for match in found] == sorted(match.labels for match in found)
        return {match.labels: match.points[0] for match in found if len(match.points) == 1}

    assert last(9, skip_stale=True) == {UP: (T0_MS + 1, 2.0), ended: (T0_MS, 5.0)}
    assert last(0, skip_stale=True) == {UP: (T0_MS, 1.0), ended: (T0_MS, 5.0)}
    with_stale = last(9, skip_stale=False)
    assert with_stale[UP] == (T0_MS + 1, 2.0)
    assert [is_stale(with_stale[labels][1]) for labels in (ended, only_stale)] == [True, True]


BUCKET = series("latency_bucket", le="0.1", job="order")


def test_exemplars_come_oldest_first_and_each_once(stores: Stores) -> None:
    """A target shows its exemplar at every scrape until a newer one takes its place."""
    other = "0" * 32
    stores.samples.append([], [exemplar(BUCKET, 5, 0.07)])
    stores.samples.append([], [exemplar(BUCKET, 5, 0.07), exemplar(BUCKET, 1, 0.05, other)])

    found = stores.samples.exemplars(named("latency_bucket"), **EVER)

    assert found == [exemplar(BUCKET, 1, 0.05, other), exemplar(BUCKET, 5, 0.07)]
    assert stores.samples.find_exemplars(TRACE) == [exemplar(BUCKET, 5, 0.07)]
    assert stores.samples.find_exemplars("f" * 32) == []


def test_exemplars_are_bounded_by_time_series_and_number(stores: Stores) -> None:
    slow = series("latency_bucket", le="+Inf", job="order")
    stores.samples.append(
        [], [exemplar(labels, at, 0.1, f"{at:032x}") for labels in (BUCKET, slow) for at in range(4)]
    )

    def found(*matchers: Matcher, **bounds: int | None) -> list[tuple[str, int]]:
        return [
            (dict(some.series)["le"], some.timestamp_ms - T0_MS)
            for some in stores.samples.exemplars(matchers, **{**EVER, **bounds})  # type: ignore[arg-type]
        ]

    assert found(Matcher("le", "=", "0.1")) == [("0.1", 0), ("0.1", 1), ("0.1", 2), ("0.1", 3)]
    assert found(newest=1) == [("+Inf", 3), ("0.1", 3)]
    assert found(from_ms=T0_MS + 1, to_ms=T0_MS + 2, newest=1) == [("+Inf", 2), ("0.1", 2)]


def test_metadata_is_remembered_per_family(stores: Stores) -> None:
    stores.samples.describe({"up": ("gauge", "Is it up", ""), "latency": ("histogram", "How long", "seconds")})
    stores.samples.describe({"up": ("gauge", "Is the target up", "")})

    assert stores.samples.metadata() == {
        "up": ("gauge", "Is the target up", ""),
        "latency": ("histogram", "How long", "seconds"),
    }


def test_label_values_are_those_of_all_series(stores: Stores) -> None:
    stores.samples.append([sample(series("up", job=job), 0, 1.0) for job in ("user", "order")])
    stores.samples.append([sample(series("down", job="order"), 0, 1.0)])

    assert stores.samples.label_values("job") == ["order", "user"]
    assert stores.samples.label_values("__name__") == ["down", "up"]
    assert stores.samples.label_values("nothing") == []


def test_retention_deletes_by_age_and_forgets_empty_series(make_stores: MakeStores) -> None:
    samples = make_stores(Retention(max_age_s=3600.0, max_bytes=0)).samples
    gone = series("up", job="gone")
    samples.append([sample(gone, -HOUR_MS - 1 - at, 1.0) for at in range(100)], [exemplar(BUCKET, -HOUR_MS - 1, 0.1)])
    samples.append([sample(UP, -HOUR_MS - 1, 1.0), sample(UP, -HOUR_MS, 2.0)], [exemplar(BUCKET, 0, 0.1)])

    assert samples.expire(now_s=T0_MS / 1000) == 101
    assert samples.select(named("up"), **EVER) == [Series(UP, ((T0_MS - HOUR_MS, 2.0),))]
    assert samples.label_values("job") == ["order"]
    assert samples.exemplars([], **EVER) == [exemplar(BUCKET, 0, 0.1)]


def test_a_series_that_was_forgotten_can_come_back(make_stores: MakeStores) -> None:
    samples = make_stores(Retention(max_age_s=3600.0, max_bytes=0)).samples
    samples.append([sample(UP, -2 * HOUR_MS, 1.0)])
    samples.expire(now_s=T0_MS / 1000)

    samples.append([sample(UP, 0, 2.0)])

    assert samples.select(named("up"), **EVER) == [Series(UP, ((T0_MS, 2.0),))]


def test_threads_append_and_select_at_once(stores: Stores) -> None:
    """Two writers bring the same series, two others their own."""

    def write(writer: int) -> int:
        mine = [series("up", writer=str(writer // 2), n=str(n)) for n in range(20)]
        return sum(
            stores.samples.append([sample(labels, at * 2 + writer % 2, 1.0) for labels in mine]) for at in range(20)
        )

    def read(_: int) -> None:
        for _ in range(10):
            stores.samples.select(named("up"), **EVER)
            stores.samples.expire(now_s=T0_MS / 1000)

    with ThreadPoolExecutor(6) as pool:
        written = [pool.submit(write, writer) for writer in range(4)]
        for job in [pool.submit(read, reader) for reader in range(2)]:
            job.result()

    found = stores.samples.select(named("up"), **EVER)
    assert sum(job.result() for job in written) == 1600
    assert [len(match.points) for match in found] == [40] * 40
