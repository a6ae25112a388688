"""Whatever they are asked, all stores answer alike. The memory store, whose filters are plain Python, is the judge."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clew.store import LogFilter, LogLine, Retention, Span, SpanFilter, Stores
from clew.store.memory import memory_stores
from clew.store.sqlite import open_stores
from tests.contract.make import T0_NS, line, span

words = st.sampled_from(
    ["", "a", "A", "ä", "200", "2.0", "1e5", "true", 'say "hi"', "\\", "\x7f", "\n", "ß", "ss", "NaN"]
)
odd = st.sampled_from([0, 200, 2.0, 1e5, 1e16, 0.1, True, False, None, 2**70, "\ud800"])
values = st.one_of(words, odd, st.lists(words, max_size=2))
paths = st.sampled_from(["order.id", "event.id", "labels.x", "message", "log.level", "trace.id", "user"])
moments = st.integers(-3, 3)
kept = Retention(max_age_s=1e9, max_bytes=0)


@st.composite
def lines(draw: st.DrawFn) -> LogLine:
    return line(
        draw(words), at_ns=draw(moments), sequence=draw(st.integers(0, 2)), service=draw(words), level=draw(words),
        trace_id=draw(st.sampled_from([None, "t1", "t2"])), message=draw(values),
        index=draw(st.sampled_from(["clew-logs-1", "clew-logs-2"])),
        order={"id": draw(values)}, labels={"x": draw(values)}, error={"message": draw(values)}, user=draw(values),
    )  # fmt: skip


@st.composite
def log_filters(draw: st.DrawFn) -> LogFilter:
    return LogFilter(
        index_prefix=draw(st.sampled_from(["", "clew-", "clew-logs-1", "x"])),
        services=tuple(draw(st.lists(words, max_size=2))),
        levels=tuple(draw(st.lists(words, max_size=2))),
        text=draw(words),
        trace_id=draw(st.sampled_from(["", "t1"])),
        fields=tuple(draw(st.lists(st.tuples(paths, words), max_size=2))),
        from_ns=draw(st.none() | moments.map(lambda at: T0_NS + at)),
        to_ns=draw(st.none() | moments.map(lambda at: T0_NS + at)),
        before=draw(st.none() | st.tuples(moments.map(lambda at: T0_NS + at), st.integers(0, 2), words)),
        limit=draw(st.integers(0, 5)),
    )


@st.composite
def spans(draw: st.DrawFn) -> Span:
    return span(
        draw(st.sampled_from(["s1", "s2", "s3"])), trace_id=draw(st.sampled_from(["t1", "t2"])), at_ns=draw(moments),
        lasts_ns=draw(st.integers(-2, 5)), service=draw(words), name=draw(words),
        status=draw(st.sampled_from(["ok", "error"])), attributes={"x": draw(values), "y": draw(values)},
    )  # fmt: skip


@st.composite
def span_filters(draw: st.DrawFn) -> SpanFilter:
    return SpanFilter(
        service=draw(words), name=draw(words), error=draw(st.booleans()),
        trace_ids=tuple(draw(st.lists(st.sampled_from(["t1", "t2", "t3"]), max_size=2))),
        min_duration_ns=draw(st.integers(0, 3)), max_duration_ns=draw(st.integers(0, 3)),
        attributes=tuple(draw(st.lists(st.tuples(st.sampled_from(["x", "y"]), words), max_size=2))),
        from_ns=draw(st.none() | moments.map(lambda at: T0_NS + at)),
        to_ns=draw(st.none() | moments.map(lambda at: T0_NS + at)),
        limit=draw(st.integers(0, 3)),
    )  # fmt: skip


def answers(
    stores: Stores, batches: list[Any], log_questions: list[LogFilter], span_questions: list[SpanFilter]
) -> list[Any]:
    told: list[Any] = []
    for batch in batches:
        told.append(stores.logs.append([entry for entry in batch if isinstance(entry, LogLine)]))
        told.append(stores.spans.append([entry for entry in batch if isinstance(entry, Span)]))
    for where in log_questions:
        told += [where, stores.logs.select(where), stores.logs.count(where)]
        told.append(dict(stores.logs.histogram(where, from_ns=T0_NS - 2, to_ns=T0_NS + 3, steps=3)))
    told += [(where, stores.spans.search(where)) for where in span_questions]
    return [*told, dict(stores.logs.count_by_instance()), dict(stores.spans.services())]


@pytest.mark.slow
@settings(max_examples=12, deadline=None, database=None)
@given(
    st.lists(st.lists(lines() | spans(), max_size=6), min_size=1, max_size=3),
    st.lists(log_filters(), min_size=1, max_size=8),
    st.lists(span_filters(), min_size=1, max_size=8),
)
def test_every_store_gives_the_same_answers(batches: Any, log_questions: Any, span_questions: Any) -> None:
    expected = answers(memory_stores(retention=kept), batches, log_questions, span_questions)
    with tempfile.TemporaryDirectory() as directory:
        stores = open_stores(Path(directory), retention=kept)
        try:
            assert answers(stores, batches, log_questions, span_questions) == expected
        finally:
            stores.close()
