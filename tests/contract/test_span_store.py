"""The promises of `SpanStore`."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from clew.store import Retention, SpanEvent, SpanFilter, SpanLink, Stores
from tests.contract.conftest import MakeStores
from tests.contract.make import T0_NS, TRACE, span

OTHER = "0af7651916cd43dd8448eb211c80319c"
HOUR_NS = 3600 * 10**9


def test_a_span_comes_back_as_it_was_exported(stores: Stores) -> None:
    attributes = {
        "text": "Zürich 📦 \x00 \ud800",
        "int": 1,
        "float": 1.0,
        "bool": True,
        "largest": 2**63 - 1,
        "smallest": -(2**63),
        "beyond": 2**64,
        "tiny": 5e-324,
        "infinite": math.inf,
        "list": ["a", "b"],
        "floats": [1.0, 2.5],
        "empty": [],
    }
    written = span(
        parent_span_id="b7ad6b7169203331",
        name="POST /orders/<id>",
        kind="producer",
        status="error",
        status_message="gone wrong",
        attributes=attributes,
        resource={"service.name": "order", "service.instance.id": "one", "process.pid": 17},
        events=(SpanEvent("exception", T0_NS + 5, {"exception.type": "KeyError", "n": 1.0}), SpanEvent("bare", 0)),
        links=(SpanLink(OTHER, "b7ad6b7169203331", {"why": "batch"}), SpanLink(OTHER, "0" * 16)),
        scope="services.order",
        trace_state="a=1,b=2",
    )

    assert stores.spans.append([written]) == 1
    (found,) = stores.spans.trace(TRACE)

    assert found == written
    assert {name: type(value) for name, value in found.attributes.items()} == {
        name: type(value) for name, value in attributes.items()
    }
    assert [type(value) for value in found.attributes["floats"]] == [float, float]


def test_an_attribute_that_is_not_a_number_stays_one(stores: Stores) -> None:
    stores.spans.append([span(attributes={"nan": math.nan})])

    assert math.isnan(stores.spans.trace(TRACE)[0].attributes["nan"])


def test_the_same_span_again_replaces_and_is_not_counted(stores: Stores) -> None:
    stores.spans.append([span("a" * 16, name="first", attributes={"k": "v"}), span("b" * 16)])

    assert stores.spans.append([span("a" * 16, at_ns=7, name="second"), span("c" * 16), span("c" * 16)]) == 1
    assert [found.name for found in stores.spans.trace(TRACE) if found.span_id == "a" * 16] == ["second"]
    assert stores.spans.search(SpanFilter(name="first")) == []
    assert stores.spans.search(SpanFilter(attributes=(("k", "v"),))) == []
    assert stores.spans.count_by_instance() == {("order", "one"): 3}


def test_the_same_span_id_in_another_trace_is_another_span(stores: Stores) -> None:
    stores.spans.append([span("a" * 16, at_ns=5), span("a" * 16, trace_id=OTHER)])

    assert [found.trace_id for found in stores.spans.find_span("a" * 16)] == [OTHER, TRACE]
    assert len(stores.spans.trace(TRACE)) == 1


def test_a_trace_comes_by_start_time(stores: Stores) -> None:
    stores.spans.append([span("c" * 16, at_ns=2), span("b" * 16, at_ns=1), span("a" * 16, at_ns=1)])

    assert [found.span_id[0] for found in stores.spans.trace(TRACE)] == ["a", "b", "c"]
    assert stores.spans.trace(OTHER) == []
    assert stores.spans.find_span("f" * 16) == []


def test_the_trace_with_the_newest_matching_span_comes_first(stores: Stores) -> None:
    stores.spans.append(
        [
            span("1" * 16, trace_id=TRACE, at_ns=0),
            span("2" * 16, trace_id=OTHER, at_ns=1),
            span("3" * 16, trace_id=TRACE, at_ns=2, service="user"),
        ]
    )

    assert stores.spans.search(SpanFilter()) == [TRACE, OTHER]
    assert stores.spans.search(SpanFilter(service="order")) == [OTHER, TRACE]
    assert stores.spans.search(SpanFilter(limit=1)) == [TRACE]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (SpanFilter(), True),
        (SpanFilter(service="order"), True),
        (SpanFilter(service="orde"), False),
        (SpanFilter(name="GET /orders"), True),
        (SpanFilter(name="GET"), False),
        (SpanFilter(trace_ids=(OTHER, TRACE)), True),
        (SpanFilter(trace_ids=(OTHER,)), False),
        (SpanFilter(error=True), True),
        (SpanFilter(min_duration_ns=1000, max_duration_ns=1000), True),
        (SpanFilter(min_duration_ns=1001), False),
        (SpanFilter(max_duration_ns=999), False),
        (SpanFilter(from_ns=T0_NS, to_ns=T0_NS + 1), True),
        (SpanFilter(from_ns=T0_NS + 1), False),
        (SpanFilter(to_ns=T0_NS), False),
        (SpanFilter(attributes=(("http.response.status_code", "503"),)), True),
        (SpanFilter(attributes=(("http.response.status_code", "50"),)), False),
        (SpanFilter(attributes=(("retried", "true"), ("ratio", "0.5"))), True),
        (SpanFilter(attributes=(("city", "Z\u00fcrich \"H\\B\""),)), True),
        (SpanFilter(attributes=(("peers", "user"),)), True),
        (SpanFilter(attributes=(("service.name", "order"),)), False),
        (SpanFilter(service="order", error=True, min_duration_ns=1, attributes=(("ratio", "0.5"),), limit=1), True),
    ],
)  # fmt: skip
def test_a_filter_finds_what_it_says(stores: Stores, where: SpanFilter, found: bool) -> None:
    attributes = {
        "http.response.status_code": 503,
        "retried": True,
        "ratio": 0.5,
        "city": 'Z\u00fcrich "H\\B"',
        "peers": ["user", "stock"],
    }
    stores.spans.append([span(status="error", attributes=attributes)])

    assert stores.spans.search(where) == ([TRACE] if found else [])


def test_one_span_has_to_match_every_condition(stores: Stores) -> None:
    stores.spans.append([span("a" * 16, service="user", status="error"), span("b" * 16, service="order")])

    assert stores.spans.search(SpanFilter(service="order", error=True)) == []


def test_services_and_their_span_names_are_listed(stores: Stores) -> None:
    stores.spans.append(
        [
            span("1" * 16, service="user", name="GET /users"),
            span("2" * 16, service="order", name="POST /orders"),
            span("3" * 16, service="order", name="GET /orders"),
            span("4" * 16, service="order", name="GET /orders"),
        ]
    )

    listed = {service: list(names) for service, names in stores.spans.services().items()}

    assert listed == {"order": ["GET /orders", "POST /orders"], "user": ["GET /users"]}


def test_retention_deletes_by_age_and_the_ledger_remembers(make_stores: MakeStores) -> None:
    spans = make_stores(Retention(max_age_s=3600.0, max_bytes=0)).spans
    spans.append([span(f"{n:016x}", at_ns=-HOUR_NS - 1, trace_id=OTHER, instance="dead") for n in range(2500)])
    spans.append([span("a" * 16, at_ns=-HOUR_NS), span("b" * 16)])

    assert spans.expire(now_s=T0_NS / 1e9) == 2500
    assert spans.trace(OTHER) == []
    assert len(spans.trace(TRACE)) == 2
    assert spans.count_by_instance() == {("order", "dead"): 2500, ("order", "one"): 2}


def test_a_span_of_an_impossible_time_is_kept(stores: Stores) -> None:
    stores.spans.append([span(at_ns=2**64, lasts_ns=-(2**65))])

    assert stores.spans.search(SpanFilter()) == [TRACE]
    assert stores.spans.trace(TRACE)[0].duration_ns == -(2**65)


def test_threads_append_and_search_at_once(stores: Stores) -> None:
    def write(writer: int) -> int:
        return sum(
            stores.spans.append([span(f"{writer:08x}{batch * 10 + n:08x}") for n in range(10)]) for batch in range(10)
        )

    def read(_: int) -> list[int]:
        return [len(stores.spans.trace(TRACE)) for _ in range(10)]

    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(write, writer) for writer in range(4)]
        seen = [pool.submit(read, reader) for reader in range(4)]

    assert sum(job.result() for job in written) == len(stores.spans.trace(TRACE)) == 400
    assert all(count % 10 == 0 for job in seen for count in job.result())
