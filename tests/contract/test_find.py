"""From any id to its traces."""

from __future__ import annotations

import pytest

from clew.query import Readers
from clew.query.embedded import readers_of
from clew.query.find import MOST_LINES, find
from clew.store import Stores
from tests.contract.make import T0_NS, line, span

PLACED, READ, AGAIN = (digit * 32 for digit in "abc")


@pytest.fixture
def readers(stores: Stores) -> Readers:
    """One order: placed, then read; then its user logs in again."""
    order, user = {"order": {"id": "ord_1"}}, {"user": {"id": "usr_1"}}
    http = {"http": {"request": {"id": "0199-req"}}}
    stores.logs.append(
        [
            line("seen", at_ns=1, trace_id=PLACED, **order, event={"id": "seen"}),
            line("placed", at_ns=2, trace_id=PLACED, **order, **user, event={"id": "placed", "action": "order.placed"}),
            line("access", at_ns=3, trace_id=PLACED, service="gateway", **http),
            line("read", at_ns=10, trace_id=READ, **order, **user),
            line("login", at_ns=20, trace_id=AGAIN, service="user", **user),
            line("start", at_ns=30, event={"id": "start", "action": "service.started"}),
        ]
    )
    stores.spans.append(
        [
            span("1" * 16, trace_id=PLACED, name="POST /orders", attributes={"clew.request_id": "0199-req"}),
            span("2" * 16, trace_id=READ, at_ns=10, attributes={"clew.request_id": "only in a span"}),
        ]
    )
    return readers_of(stores)


@pytest.mark.parametrize(
    ("any_id", "expected"),
    [
        (PLACED, [("trace", PLACED, "the trace itself, 1 span")]),
        (PLACED.upper(), [("trace", PLACED, "the trace itself, 1 span")]),
        (f"  {PLACED}\n", [("trace", PLACED, "the trace itself, 1 span")]),
        (AGAIN, [("trace", AGAIN, "the trace itself, 1 log line and no span: not sampled, or not arrived")]),
        ("1" * 16, [("span", PLACED, "its span POST /orders of order")]),
        ("ord_1", [("order", PLACED, "placed this order"), ("order", READ, "1 log line of order with this order id")]),
        ("usr_1", [
            ("user", AGAIN, "1 log line of user with this user id"),
            ("user", READ, "1 log line of order with this user id"),
            ("user", PLACED, "1 log line of order with this user id"),
        ]),
        ("placed", [("event", PLACED, "wrote this line, in order")]),
        ("0199-req", [("request", PLACED, "1 log line of gateway with this request id")]),
        ("only in a span", [("request", READ, "a span carries this request id in clew.request_id")]),
    ],
)  # fmt: skip
def test_an_id_leads_to_its_traces(readers: Readers, any_id: str, expected: list[tuple[str, str, str]]) -> None:
    found = find(readers, any_id)

    assert [(candidate.kind, candidate.trace_id, candidate.sentence) for candidate in found.candidates] == expected
    assert found.trace_id == expected[0][1]
    assert found.untraced == ()


@pytest.mark.parametrize(
    "any_id", ["", " ", "ord_", "ord_2", "ORD_1", "usr_2", "0199", "%", "0" * 32, "0" * 16, PLACED[:31], "order"]
)
def test_an_id_that_nothing_carries_finds_nothing(readers: Readers, any_id: str) -> None:
    found = find(readers, any_id)

    assert (found.candidates, found.untraced, found.trace_id) == ((), (), None)


def test_a_line_outside_of_any_request_is_found_without_a_trace(readers: Readers) -> None:
    found = find(readers, "start")

    assert found.trace_id is None
    assert [line.id for line in found.untraced] == ["start"]


def test_the_moment_is_the_first_that_shows_the_id(readers: Readers) -> None:
    assert [candidate.when_ns - T0_NS for candidate in find(readers, "ord_1").candidates] == [1, 10]


def test_the_placing_trace_comes_first_even_if_the_order_is_read_all_day(stores: Stores, readers: Readers) -> None:
    stores.logs.append(
        [
            line(f"r{n}", at_ns=100 + n, trace_id=f"{n % 60:032x}", order={"id": "ord_1"})
            for n in range(MOST_LINES + 1)
        ]
    )

    found = find(readers, "ord_1").candidates

    assert (found[0].trace_id, found[0].sentence) == (PLACED, "placed this order")
    assert [candidate.when_ns for candidate in found[1:]] == sorted(candidate.when_ns for candidate in found[1:])
    assert len(found) == 50
