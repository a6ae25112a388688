"""Everything that is stored about one request, in one document."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from clew.query.dossier import Dossier, LogRow, SpanRow, cut, dossier, dossier_of, read_aloud
from clew.query.embedded import readers_of
from clew.query.find import Found
from clew.store import Span, Stores
from tests.support.story import (
    FAILED,
    FAILED_ORDER,
    GOOD,
    GOOD_ORDER,
    LATER,
    MS,
    NOW,
    NOW_S,
    SECOND,
    UNSAMPLED,
    Request,
    Story,
    failed,
    log_line,
    placed,
)


def _opened(story: Story, any_id: str) -> Dossier:
    found = dossier(story.readers, any_id, now_s=NOW_S)
    assert isinstance(found, Dossier)
    return found


@pytest.mark.parametrize(
    ("any_id", "trace_id"),
    [
        (GOOD, GOOD), (GOOD.upper(), GOOD), (f" {GOOD} ", GOOD), (GOOD_ORDER, GOOD), (FAILED_ORDER, FAILED),
        (f"0193a0e1-7000-7000-8000-{FAILED[:12]}", FAILED), (f"04{FAILED[2:16]}", FAILED), (UNSAMPLED, UNSAMPLED),
    ],
)
def test_any_id_opens_its_request(story: Story, any_id: str, trace_id: str) -> None:
    assert _opened(story, any_id).trace_id == trace_id


def test_an_order_id_opens_the_request_that_placed_it_and_lists_later_ones(story: Story) -> None:
    opened = _opened(story, GOOD_ORDER)
    assert opened.asked == GOOD_ORDER
    assert [other.trace_id for other in opened.also] == [LATER]


def test_a_user_id_means_many_requests(story: Story) -> None:
    found = dossier(story.readers, "usr_19C2AK", now_s=NOW_S)
    assert isinstance(found, Found)
    assert len(found.candidates) > 20


@pytest.mark.parametrize("any_id", ["", "nix", "0" * 32, "ord_", "'; drop table spans", "\x00"])
def test_an_id_that_nothing_carries_opens_nothing(story: Story, any_id: str) -> None:
    assert dossier(story.readers, any_id, now_s=NOW_S) is None


def test_lines_stand_between_the_spans_in_the_order_of_time(story: Story) -> None:
    rows = [
        (row.depth, row.title if isinstance(row, SpanRow) else row.action) for row in _opened(story, GOOD).rows
    ]
    assert rows == [
        (0, "POST /api/orders"), (1, "POST order"), (2, "POST /orders"), (3, "GET user"), (4, "GET /users/<user_id>"),
        (5, "SELECT users"), (5, "request.finished"), (3, "INSERT orders"), (3, "order.placed"),
        (3, "request.finished"), (1, "request.finished"),
    ]


@pytest.mark.parametrize("any_id", [GOOD, FAILED, LATER])
def test_the_time_of_each_service_adds_up_to_the_whole(story: Story, any_id: str) -> None:
    opened = _opened(story, any_id)
    assert sum(share.duration_ms for share in opened.split) == pytest.approx(opened.duration_ms)
    assert sum(share.part for share in opened.split) == pytest.approx(1, abs=0.001)


def test_the_time_of_a_call_that_was_not_answered_is_its_peers(stores: Stores) -> None:
    request = failed("ab" * 16, NOW - 60 * SECOND, "ord_1")
    opened = _stored(stores, request, but_spans=[5, 7])
    assert {share.service: share.duration_ms for share in opened.split}["user"] == pytest.approx(1600)


def test_a_failure_is_told_with_its_deepest_cause(story: Story) -> None:
    opened = _opened(story, FAILED)
    assert opened.failed
    assert opened.status_code == 503
    assert read_aloud(opened.verdict) == (
        "POST /api/orders failed with 503 after 1.93 s, because order got no answer from user: "
        "ReadTimeout after 800 ms."
    )
    assert [step.text for step in opened.steps if step.bad][-1] == "the caller gets 503"


def test_what_failed_when_nobody_waited_any_more_is_not_the_cause(stores: Stores) -> None:
    """The peer notices later that its caller has left; the caller's timeout is what happened to the request."""
    request = failed("ab" * 16, NOW - 60 * SECOND, "ord_1")
    request.spans = [
        replace(span, status="error", attributes={**span.attributes, "error.type": "BrokenPipeError"})
        if span.service == "user" else span
        for span in request.spans
    ]
    assert "order got no answer from user: ReadTimeout" in read_aloud(_stored(stores, request).verdict)


def test_work_that_nobody_waited_for_any_more_is_marked_from_when_on(story: Story) -> None:
    late = {row.span_id[:2]: row.late_ms for row in _opened(story, FAILED).spans if row.late_ms is not None}
    assert late == {"05": 870.0, "07": 1786.0}


def test_the_bucket_the_request_fell_into_is_marked_and_its_exemplar_is_there(story: Story) -> None:
    histogram = _opened(story, FAILED).histogram
    assert histogram is not None
    assert [(bucket.lower_ms, bucket.upper_ms) for bucket in histogram.buckets if bucket.this] == [(1000.0, 2500.0)]
    assert histogram.exemplar is not None
    assert histogram.exemplar.value_ms == pytest.approx(1931, abs=1)
    assert histogram.count == sum(bucket.count for bucket in histogram.buckets)


def test_a_request_that_was_not_sampled_is_told_from_its_lines_and_its_metric(story: Story) -> None:
    opened = _opened(story, UNSAMPLED)
    assert (opened.spans_total, opened.lines_total, opened.status_code) == (0, 4, 201)
    assert opened.duration_ms == pytest.approx(92.4)
    assert opened.histogram is not None
    assert [gap.kind for gap in opened.gaps] == ["spans", "metric"]
    assert "it was lost or not sampled" in opened.gaps[0].sentence


def test_an_exemplar_may_be_all_that_is_left(stores: Stores) -> None:
    request = placed("ab" * 16, NOW - 60 * SECOND, "ord_1")
    stores.samples.append([], request.exemplars)
    opened = dossier(readers_of(stores), request.trace_id, now_s=NOW_S)
    assert isinstance(opened, Dossier)
    assert read_aloud(opened.verdict) == "Only the metric remembers it."
    assert [row.service for row in opened.exemplars] == ["gateway", "order", "user"]


def _stored(stores: Stores, request: Request, *, but_spans: Sequence[int] = (), lines: bool = True) -> Dossier:
    left_out = {request.span_id(number) for number in but_spans}
    stores.spans.append(span for span in request.spans if span.span_id not in left_out)
    if lines:
        stores.logs.append(request.lines)
    opened = dossier_of(readers_of(stores), request.trace_id, now_s=NOW_S)
    assert opened is not None
    return opened


def test_a_span_that_only_log_lines_know_is_said_to_be_missing(stores: Stores) -> None:
    request = placed("ab" * 16, NOW - 60 * SECOND, "ord_1")
    opened = _stored(stores, request, but_spans=[3])
    said = [gap.sentence for gap in opened.gaps if gap.kind == "spans"]
    assert said == [
        f"Span {request.span_id(3)} of order is not stored, although 2 log lines name it: "
        "it was lost or not sampled; see the ledger."
    ]
    assert {row.service for row in opened.spans} == {"gateway", "order", "user"}
    assert opened.lines_total == len(opened.lines) == 4


def test_what_is_young_may_still_be_on_its_way(stores: Stores) -> None:
    opened = _stored(stores, placed("ab" * 16, NOW - 1 * SECOND, "ord_1"), lines=False)
    assert [gap.sentence for gap in opened.gaps if gap.kind == "lines"] == [
        f"The access line of {service} is not stored: it may still be on its way."
        for service in ("gateway", "order", "user")
    ]


def test_without_a_scrape_the_gap_says_so(stores: Stores) -> None:
    opened = _stored(stores, placed("ab" * 16, NOW - 60 * SECOND, "ord_1"))
    assert opened.histogram is None
    assert [gap.sentence for gap in opened.gaps] == [
        "No histogram of gateway POST /api/orders is stored: gateway was not scraped since, or not at all."
    ]


def test_a_caller_outside_of_the_stack_is_no_loss(stores: Stores) -> None:
    request = placed("ab" * 16, NOW - 60 * SECOND, "ord_1")
    request.spans[0] = replace(request.spans[0], parent_span_id="f" * 16)
    opened = _stored(stores, request)
    assert [gap.sentence for gap in opened.gaps if gap.kind == "spans"] == [
        f"gateway names span {'f' * 16} as its caller, which is not stored: a caller outside of this stack, or lost."
    ]


def _span(number: int, parent: int | None, start_ms: float, end_ms: float, **more: str) -> Span:
    return Span(
        "cd" * 16, f"{number:016x}", None if parent is None else f"{parent:016x}", f"work {number}", "internal",
        NOW + int(start_ms * MS), NOW + int(end_ms * MS), more.get("status", "unset"), "", {}, {"service.name": "a"},
    )


def _of(stores: Stores, spans: Sequence[Span]) -> Dossier:
    stores.spans.append(spans)
    opened = dossier_of(readers_of(stores), "cd" * 16, now_s=NOW_S)
    assert opened is not None
    return opened


@pytest.mark.parametrize(
    "spans",
    [
        [_span(1, 2, 0, 5), _span(2, 1, 1, 4)],
        [_span(1, 1, 0, 5)],
        [_span(1, None, 0, 9), _span(2, 3, 1, 2), _span(3, 4, 1, 2), _span(4, 2, 1, 2)],
    ],
    ids=["two in a ring", "its own parent", "a ring beside a root"],
)
def test_parents_that_form_a_ring_lose_no_span(stores: Stores, spans: list[Span]) -> None:
    assert sorted(row.span_id for row in _of(stores, spans).spans) == sorted(span.span_id for span in spans)


def test_clocks_that_disagree_do_not_break_the_time_split(stores: Stores) -> None:
    """A child may seem to start before its parent and to end after it."""
    opened = _of(stores, [_span(1, None, 0, 100), _span(2, 1, -50, 60), _span(3, 1, 50, 400), _span(4, 9, 5, 2)])
    assert sum(share.duration_ms for share in opened.split) == pytest.approx(100)


@pytest.mark.slow
def test_a_trace_of_five_thousand_nested_spans_opens_in_a_second(stores: Stores) -> None:
    spans = [_span(n, n - 1 if n else None, n / 1000, 1000 - n / 1000) for n in range(5000)]
    began = time.thread_time()
    opened = _of(stores, spans)
    assert opened.rows[-1].depth == 4999
    assert isinstance(opened.rows[0], SpanRow)
    assert opened.rows[0].below == 4999
    assert time.thread_time() - began < 1.5


def test_a_cut_keeps_what_failed_with_everything_above_it() -> None:
    rows = [_row(0, 9.0), *(_row(1, float(n)) for n in range(50)), _row(1, 0.5), _row(2, 0.4), _row(3, 0.3, "error")]
    kept = cut(rows, 10)
    assert len(kept) == 10
    assert rows[-3:] == list(kept[-3:])
    assert kept[0] is rows[0]
    durations = [row.duration_ms for row in kept[1:-3] if isinstance(row, SpanRow)]
    assert durations == [44.0, 45.0, 46.0, 47.0, 48.0, 49.0]
    assert cut(rows, 100) == tuple(rows)


def _row(depth: int, duration_ms: float, status: str = "unset") -> SpanRow:
    return SpanRow(
        depth=depth, service="a", instance="", name="x", title="x", kind="internal", span_id="", parent_span_id=None,
        at="", offset_ms=0.0, duration_ms=duration_ms, status=status, status_message="", problem="", late_ms=None,
        critical=(), below=0, attributes={}, events=(),
    )


def test_a_line_that_lacks_every_field_is_still_a_row(stores: Stores) -> None:
    line = log_line(NOW, "info", "order", "x.y", "hello", trace={"id": "cd" * 16})
    bare = replace(line, document={"trace": {"id": "cd" * 16}, "event": "odd", "http": 5})
    stores.logs.append([bare])
    opened = _of(stores, [])
    assert [(row.service, row.message) for row in opened.rows if isinstance(row, LogRow)] == [("", "")]
