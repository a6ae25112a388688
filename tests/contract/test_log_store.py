"""The promises of `LogStore`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest

from clew.store import LogFilter, LogLine, Retention, Stores
from tests.contract.conftest import MakeStores
from tests.contract.make import T0_NS, TRACE, line

HOUR_NS = 3600 * 10**9


def ids(lines: Any) -> list[str]:
    return [found.id for found in lines]


def test_an_appended_line_is_found_as_it_was_written(stores: Stores) -> None:
    written = line(
        "a",
        at_ns=123,
        sequence=7,
        message="Bestellung \u00fcbernommen \U0001f4e6 \u202e\u0000\n\"\\",
        http={"response": {"status_code": 201, "body": {"bytes": 0}}},
        event={"duration": 2**63, "sequence": 7, "outcome": None},
        labels={"ratio": 0.1, "big": 1e300, "whole": 1.0, "yes": True, "list": [1, "two", None, {"x": []}]},
        empty={},
    )

    assert stores.logs.append([written]) == 1
    assert stores.logs.select(LogFilter()) == [written]


def test_types_survive(stores: Stores) -> None:
    stores.logs.append([line("a", labels={"int": 1, "float": 1.0, "bool": True})])

    labels = stores.logs.select(LogFilter())[0].get("labels")

    assert [type(value) for value in labels.values()] == [int, float, bool]


def test_a_lone_surrogate_is_no_reason_to_lose_a_line(stores: Stores) -> None:
    """UTF-8 cannot spell one, but JSON's escapes can, so a service may write it."""
    written = line("a", message="half \ud83d of a pair", order={"id": "ord_\udfff"})

    stores.logs.append([written])

    assert stores.logs.select(LogFilter())[0].document == written.document
    assert ids(stores.logs.select(LogFilter(text="of a PAIR"))) == ["a"]


@pytest.mark.parametrize("depth", [300, 100_000])
def test_a_line_nested_beyond_reason_is_no_reason_to_lose_its_batch(stores: Stores, depth: int) -> None:
    nested: list[Any] = []
    for _ in range(depth):
        nested = [nested]

    assert stores.logs.append([line("a", message="deep", labels={"x": nested}), line("b")]) == 2
    assert [found.get("message") for found in stores.logs.select(LogFilter(text="deep"))] == ["deep"]
    assert stores.logs.count(LogFilter(fields=(("labels.x", "1"),))) == 0


@pytest.mark.parametrize("moment_ns", [2**63, 10**20, -(2**63) - 1])
def test_a_moment_beyond_every_calendar_is_no_reason_to_lose_a_line(stores: Stores, moment_ns: int) -> None:
    stores.logs.append([LogLine("clew-logs-9999.12.31", "far", moment_ns, {"message": "hello"})])

    assert ids(stores.logs.select(LogFilter())) == ["far"]


def test_the_same_line_again_replaces_the_document_and_is_not_counted(stores: Stores) -> None:
    stores.logs.append([line("a", message="first"), line("b")])

    again = line("a", at_ns=5, message="second", level="error", trace_id=TRACE)

    assert stores.logs.append([again, line("c")]) == 1
    assert stores.logs.select(LogFilter(trace_id=TRACE, levels=("error",), text="second")) == [again]
    assert stores.logs.count(LogFilter(text="first")) == 0
    assert stores.logs.count(LogFilter()) == 3
    assert stores.logs.count_by_instance() == {("order", "one"): 3}


def test_of_a_line_twice_in_one_batch_the_last_stays(stores: Stores) -> None:
    assert stores.logs.append([line("a", message="first"), line("a", message="second")]) == 1
    assert [found.get("message") for found in stores.logs.select(LogFilter())] == ["second"]


def test_the_same_id_in_another_index_is_another_line(stores: Stores) -> None:
    stores.logs.append([line("a", index="clew-logs-2026.11.18"), line("a", index="clew-malformed-2026.11.18")])

    assert stores.logs.count(LogFilter()) == 2
    assert stores.logs.count(LogFilter(index_prefix="clew-logs-")) == 1


def test_nothing_appended_is_nothing_kept(stores: Stores) -> None:
    assert stores.logs.append([]) == 0
    assert stores.logs.select(LogFilter()) == []
    assert stores.logs.count_by_instance() == {}


def test_a_batch_with_a_line_that_cannot_be_read_leaves_nothing_behind(stores: Stores) -> None:
    def broken() -> Any:
        yield line("a")
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError):
        stores.logs.append(broken())

    assert stores.logs.count(LogFilter()) == 0


def test_lines_come_newest_first_and_ties_by_sequence_then_id(stores: Stores) -> None:
    stores.logs.append(
        [
            line("late", at_ns=10, sequence=1),
            line("tie-b", at_ns=5, sequence=9),
            line("tie-c", at_ns=5, sequence=10),
            line("tie-a", at_ns=5, sequence=9),
            line("no sequence", at_ns=5),
            line("early", at_ns=-10, sequence=99),
        ]
    )

    assert ids(stores.logs.select(LogFilter())) == ["late", "tie-c", "tie-b", "tie-a", "no sequence", "early"]


def test_the_limit_holds(stores: Stores) -> None:
    stores.logs.append([line(str(n), at_ns=n) for n in range(10)])

    assert ids(stores.logs.select(LogFilter(limit=3))) == ["9", "8", "7"]
    assert stores.logs.count(LogFilter(limit=3)) == 10


def test_pages_do_not_overlap_nor_skip_when_lines_arrive_between_them(stores: Stores) -> None:
    stores.logs.append([line(f"{n:02}", at_ns=n // 4, sequence=n % 2) for n in range(20)])
    before_paging = ids(stores.logs.select(LogFilter()))

    seen: list[LogLine] = []
    while page := stores.logs.select(LogFilter(before=seen[-1].cursor if seen else None, limit=3)):
        seen += page
        stores.logs.append([line(f"new {len(seen)}", at_ns=1000 + len(seen))])

    assert ids(seen) == before_paging


@pytest.fixture
def three(stores: Stores) -> Stores:
    stores.logs.append(
        [
            line("gateway", at_ns=0, service="gateway", level="info", trace_id=TRACE, message="Order Placed",
                 order={"id": "ord_1"}, http={"request": {"id": "req-1"}, "response": {"status_code": 201}}),
            line("order", at_ns=1, service="order", level="warning", trace_id=TRACE, order={"id": "ord_1"},
                 user={"id": "usr_1"}, event={"id": "order-1", "action": "order.placed"}, tags=["slow", "retried"]),
            line("user", at_ns=2, service="user", level="error", trace_id="0" * 32, user={"id": "usr_2"},
                 error={"message": "Stra\u00dfe gesperrt", "stack_trace": "Traceback:\n  File x"},
                 labels={"ratio": 0.5}),
        ]
    )  # fmt: skip
    return stores


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (LogFilter(), ["user", "order", "gateway"]),
        (LogFilter(services=("gateway",)), ["gateway"]),
        (LogFilter(services=("gateway", "user")), ["user", "gateway"]),
        (LogFilter(levels=("error", "warning")), ["user", "order"]),
        (LogFilter(levels=("ERROR",)), []),
        (LogFilter(trace_id=TRACE), ["order", "gateway"]),
        (LogFilter(trace_id=TRACE, services=("order",)), ["order"]),
        (LogFilter(index_prefix="other-"), []),
        (LogFilter(index_prefix=""), ["user", "order", "gateway"]),
        (LogFilter(from_ns=T0_NS + 1), ["user", "order"]),
        (LogFilter(to_ns=T0_NS + 1), ["gateway"]),
        (LogFilter(from_ns=T0_NS + 1, to_ns=T0_NS + 2), ["order"]),
        (LogFilter(text="order placed"), ["gateway"]),
        (LogFilter(text="STRASSE"), ["user"]),
        (LogFilter(text="file X"), ["user"]),
        (LogFilter(text="gesperrttraceback"), []),
        (LogFilter(text="usr_1"), []),
        (LogFilter(text="%"), []),
        (LogFilter(fields=(("order.id", "ord_1"),)), ["order", "gateway"]),
        (LogFilter(fields=(("order.id", "ord_1"), ("event.action", "order.placed"))), ["order"]),
        (LogFilter(fields=(("user.id", "usr_2"),)), ["user"]),
        (LogFilter(fields=(("event.id", "order-1"),)), ["order"]),
        (LogFilter(fields=(("event.id", "gateway"),)), []),
        (LogFilter(fields=(("http.request.id", "req-1"),)), ["gateway"]),
        (LogFilter(fields=(("http.response.status_code", "201"),)), ["gateway"]),
        (LogFilter(fields=(("http.response.status_code", "20"),)), []),
        (LogFilter(fields=(("labels.ratio", "0.5"),)), ["user"]),
        (LogFilter(fields=(("tags", "retried"),)), ["order"]),
        (LogFilter(fields=(("error.message", "Stra\u00dfe gesperrt"),)), ["user"]),
        (LogFilter(fields=(("trace.id", TRACE), ("service.name", "gateway"))), ["gateway"]),
        (LogFilter(fields=(("order", "ord_1"),)), []),
        (LogFilter(fields=(("no.such.field", ""),)), []),
    ],
)
def test_a_filter_finds_what_it_says(three: Stores, where: LogFilter, expected: list[str]) -> None:
    assert ids(three.logs.select(where)) == expected
    assert three.logs.count(where) == len(expected)


def test_a_document_without_any_of_our_fields_is_kept_and_found(stores: Stores) -> None:
    bare = LogLine("clew-malformed-2026.11.18", "x", T0_NS, {"message": 5, "service": "order", "trace": {"id": ["a"]}})

    stores.logs.append([bare])

    assert stores.logs.select(LogFilter()) == [bare]
    assert stores.logs.count(LogFilter(services=("order",))) == 0
    assert stores.logs.count(LogFilter(trace_id="a")) == 0
    assert stores.logs.count_by_instance() == {("", ""): 1}


def test_the_histogram_counts_levels_in_equal_slices(stores: Stores) -> None:
    """The first moment belongs to the first slice, the end to none."""
    stores.logs.append(
        [line(f"i{n}", at_ns=n) for n in (-1, 0, 9, 10, 29, 30)]
        + [line("e", at_ns=15, level="error"), line("n", at_ns=15, level=None)]
    )

    counted = stores.logs.histogram(LogFilter(), from_ns=T0_NS, to_ns=T0_NS + 30, steps=3)

    assert {level: list(counts) for level, counts in counted.items()} == {
        "info": [2, 1, 1],
        "error": [0, 1, 0],
        "": [0, 1, 0],
    }


def test_the_histogram_obeys_the_filter_but_not_its_page(three: Stores) -> None:
    where = LogFilter(trace_id=TRACE, limit=1, before=(T0_NS, 0, ""))

    counted = three.logs.histogram(where, from_ns=T0_NS - 1, to_ns=T0_NS + 7, steps=1)

    assert {level: list(counts) for level, counts in counted.items()} == {"info": [1], "warning": [1]}


def test_a_histogram_of_centuries_does_not_overflow(stores: Stores) -> None:
    stores.logs.append([line("a")])

    counted = stores.logs.histogram(LogFilter(), from_ns=0, to_ns=2**62, steps=1000)

    assert counted["info"][T0_NS * 1000 // 2**62] == 1


def test_retention_deletes_by_age_and_the_ledger_remembers(make_stores: MakeStores) -> None:
    logs = make_stores(Retention(max_age_s=3600.0, max_bytes=0)).logs
    logs.append([line(f"old {n}", at_ns=-HOUR_NS - 1, instance="dead") for n in range(2500)])
    logs.append([line("kept", at_ns=-HOUR_NS), line("new")])

    assert logs.expire(now_s=T0_NS / 1e9) == 2500
    assert ids(logs.select(LogFilter())) == ["new", "kept"]
    assert logs.count_by_instance() == {("order", "dead"): 2500, ("order", "one"): 2}
    assert logs.expire(now_s=T0_NS / 1e9) == 0


def test_a_line_that_arrives_late_takes_its_place(stores: Stores) -> None:
    stores.logs.append([line("new", at_ns=100)])
    stores.logs.append([line("late", at_ns=50)])

    assert ids(stores.logs.select(LogFilter())) == ["new", "late"]


def test_threads_append_and_select_at_once(stores: Stores) -> None:
    """Each reader sees whole batches, and none of them ever shrinks."""

    def write(writer: int) -> int:
        return sum(
            stores.logs.append([line(f"{writer}-{batch}-{n}", instance=str(writer)) for n in range(10)])
            for batch in range(10)
        )

    def read(_: int) -> list[int]:
        return [stores.logs.count(LogFilter()) for _ in range(20)]

    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(write, writer) for writer in range(4)]
        seen = [pool.submit(read, reader) for reader in range(4)]

    assert sum(job.result() for job in written) == stores.logs.count(LogFilter()) == 400
    assert stores.logs.count_by_instance() == {("order", str(writer)): 100 for writer in range(4)}
    for job in seen:
        assert all(count % 10 == 0 for count in job.result())
        assert all(earlier <= later for earlier, later in pairwise(job.result()))
