"""The promises of `TraceReader`."""

from __future__ import annotations

import pytest

from clew.query import TraceReader, TraceSummary
from clew.query.embedded import readers_of
from clew.query.embedded.traces import root_of
from clew.store import SpanFilter, Stores
from tests.contract.make import T0_NS, TRACE, span

ROOT, CALL, SERVED = "a" * 16, "b" * 16, "c" * 16


@pytest.fixture
def traces(stores: Stores) -> TraceReader:
    stores.spans.append(
        [
            span(SERVED, parent_span_id=CALL, at_ns=20, lasts_ns=30, service="order", status="error"),
            span(ROOT, at_ns=0, lasts_ns=90, service="gateway", name="POST /api/orders",
                 attributes={"http.response.status_code": 503}),
            span(CALL, parent_span_id=ROOT, at_ns=10, lasts_ns=100, service="gateway", kind="client", status="error"),
        ]
    )  # fmt: skip
    return readers_of(stores).traces


def test_a_summary_says_what_a_list_needs(traces: TraceReader) -> None:
    """A span may end after its root; the trace lasts until the last of them."""
    expected = TraceSummary(
        trace_id=TRACE, root_service="gateway", root_name="POST /api/orders", start_ns=T0_NS, duration_ns=110,
        spans=3, errors=2, services=("gateway", "order"), status_code=503,
    )  # fmt: skip

    assert traces.search(SpanFilter(service="order")) == [expected]
    assert traces.search(SpanFilter(service="user")) == []


def test_a_whole_trace_misses_no_parent(traces: TraceReader) -> None:
    trace = traces.trace(TRACE)

    assert trace is not None
    assert [found.span_id for found in trace.spans] == [ROOT, CALL, SERVED]
    assert trace.missing_parents == ()


def test_a_trace_with_holes_names_each_missing_parent_once(stores: Stores, traces: TraceReader) -> None:
    stores.spans.append([span(str(n) * 16, parent_span_id="f" * 16) for n in (1, 2)])

    trace = traces.trace(TRACE)

    assert trace is not None
    assert trace.missing_parents == ("f" * 16,)


def test_an_unknown_trace_is_none(traces: TraceReader) -> None:
    assert traces.trace("0" * 32) is None


def test_the_root_is_the_span_without_a_parent_even_if_another_started_before(stores: Stores) -> None:
    early = span("1" * 16, parent_span_id="f" * 16, at_ns=-5)
    root = span("2" * 16)

    assert root_of([early, root]) is root
    assert root_of([early]) is early
    loop = [span("3" * 16, parent_span_id="4" * 16), span("4" * 16, parent_span_id="3" * 16)]
    assert root_of(loop) is loop[0]


def test_spans_services_and_counts_come_through(traces: TraceReader) -> None:
    assert [found.service for found in traces.find_span(SERVED)] == ["order"]
    assert sorted(traces.services()) == ["gateway", "order"]
    assert traces.count_by_instance() == {("gateway", "one"): 2, ("order", "one"): 1}
