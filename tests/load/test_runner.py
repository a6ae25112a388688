"""A run against a tiny gateway: what is asked, what is counted, and what a slow gateway looks like."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from clew.load import Client, Plan, Result, Runner, Tally, VisitError, Visitors, first_visitors, source_address, target
from clew.load.journeys import JOURNEYS, Answer, Ask, Visitor
from clew.load.latencies import Latencies
from clew.load.runner import MOST_WAITING
from clew.load.visit import drive
from tests.load.gateway import TRACE, Gateway, gateway

PLAN = Plan(seed=1, rps=200, duration_s=0.15, ramp_s=0, weights={"browse": 1, "order": 1, "cancel": 1})


@pytest.fixture
def there() -> Iterator[Gateway]:
    with gateway() as one:
        yield one


def visitors_of(there: Gateway) -> Visitors:
    visitors = Visitors("run")
    client = Client(target(there.url))
    first_visitors(client, visitors, seed=1, pause=lambda _: None)
    client.close()
    return visitors


def load(there: Gateway, plan: Plan = PLAN, **options: object) -> Tally:
    tally = Tally()
    visitors = visitors_of(there)
    there.asked.clear()
    Runner(
        plan, visitors, tally, lambda _: Client(target(there.url)), **options,  # type: ignore[arg-type]
    ).run()
    return tally


@pytest.mark.parametrize("name", sorted(JOURNEYS))
def test_every_journey_gets_the_answers_it_expects_and_asks_as_often_as_it_says(there: Gateway, name: str) -> None:
    visitors = visitors_of(there)
    client = Client(target(there.url))
    asked: list[Ask] = []

    def ask(wanted: Ask) -> Answer:
        asked.append(wanted)
        return client.ask(wanted, "request-1")

    assert drive(JOURNEYS[name].begin(random.Random(1), visitors, "9"), ask)
    assert len(asked) == JOURNEYS[name].requests
    client.close()


def test_what_is_ordered_depends_on_the_seed_and_not_on_how_many_visitors_there_are(there: Gateway) -> None:
    few, many = visitors_of(there), visitors_of(there)
    for number in range(90):
        many.add(Visitor(f"ada-{number}", "usr_1", "t", "ord_1"))

    for seed in range(20):
        one, other = (next(JOURNEYS["order"].begin(random.Random(seed), them, "1")) for them in (few, many))
        assert (one.body, one.key) == (other.body, other.key)


def test_a_run_sends_what_the_plan_says_and_counts_every_answer(there: Gateway) -> None:
    tally = load(there)
    planned = sum(JOURNEYS[arrival.journey].requests for arrival in PLAN.arrivals())

    assert (tally.overall().count, len(there.asked)) == (planned, planned)
    assert (tally.unexpected, tally.unfinished, tally.skipped) == (0, 0, 0)
    assert {journey for journey, _ in tally.steps} == {"browse", "order", "cancel"}
    ids = [headers["X-Request-Id"] for _, _, headers, _ in there.asked]
    assert len(set(ids)) == planned
    assert all(one.startswith("load-run-") for one in ids)


def test_an_unexpected_answer_ends_its_journey_and_can_be_followed(there: Gateway) -> None:
    visitors = visitors_of(there)
    there.before = lambda method, path: 503 if path == "/api/orders" and len(there.asked) > 20 else None
    tally = Tally()
    Runner(replace(PLAN, weights={"order": 1}), visitors, tally, lambda _: Client(target(there.url))).run()
    placed, read_back = tally.steps["order", "place"], tally.steps["order", "read back"]

    assert placed.unexpected == tally.unexpected == placed.statuses[503] > 0
    assert read_back.statuses == {200: placed.statuses[201]}
    surprise = tally.surprises[0]
    assert (surprise.request, surprise.status, surprise.expected) == ("POST /api/orders", 503, 201)
    assert (surprise.trace_id, surprise.detail) == (TRACE, "as told")


def test_no_answer_is_counted_and_has_a_request_id_to_follow(there: Gateway) -> None:
    visitors = visitors_of(there)
    there.before = lambda _method, _path: 0
    tally = Tally()
    Runner(replace(PLAN, weights={"burst": 1}), visitors, tally, lambda _: Client(target(there.url))).run()

    assert set(tally.steps["burst", "me"].statuses) == {0}
    assert tally.unexpected == tally.overall().count
    assert tally.surprises[0].trace_id == ""
    assert tally.surprises[0].request_id.startswith("load-run-")
    assert tally.surprises[0].detail


def test_a_rate_limit_is_counted_and_is_no_surprise(there: Gateway) -> None:
    visitors = visitors_of(there)
    there.before = lambda _method, _path: 429
    tally = Tally()
    Runner(PLAN, visitors, tally, lambda _: Client(target(there.url))).run()

    assert tally.limited == tally.overall().count > 0
    assert tally.unexpected == 0


@pytest.mark.slow
def test_a_wait_for_a_connection_is_part_of_the_latency(there: Gateway) -> None:
    """
    No coordinated omission: with one connection and a gateway that stalls once for 0.3 s, all who were due meanwhile
    waited too. A closed loop would have measured one slow request.
    """
    visitors = visitors_of(there)
    stalled = threading.Event()

    def stall(_method: str, _path: str) -> None:
        if not stalled.is_set():
            stalled.set()
            time.sleep(0.3)

    there.before = stall
    tally = Tally()
    plan = Plan(seed=1, rps=100, duration_s=0.5, ramp_s=0, weights={"unknown-order": 1})
    Runner(plan, visitors, tally, lambda _: Client(target(there.url)), connections=1).run()
    due = [arrival.at_s for arrival in plan.arrivals()]
    late = sum(at_s < due[0] + 0.2 for at_s in due)

    assert late > 10
    assert tally.overall().quantile(1 - (late - 1) / len(due)) > 0.09


@pytest.mark.slow
def test_there_are_never_more_connections_than_allowed(there: Gateway) -> None:
    visitors = visitors_of(there)
    made: list[int] = []
    now, most, lock = [0], [0], threading.Lock()

    def busy(_method: str, _path: str) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    def connect(number: int) -> Client:
        made.append(number)
        return Client(target(there.url))

    there.before = busy
    tally = Tally()
    Runner(replace(PLAN, rps=600), visitors, tally, connect, connections=3).run()

    assert sorted(made) == [0, 1, 2]
    assert most[0] <= 3
    assert tally.unexpected == 0


def test_journeys_beyond_those_that_may_wait_are_skipped_and_counted(there: Gateway) -> None:
    """Time stands still, so nobody is ever done: the plan is begun at once."""
    visitors = visitors_of(there)
    gate = threading.Event()

    class Stuck(Client):
        def ask(self, ask: Ask, request_id: str) -> Answer:
            gate.wait(30)
            return Answer(404, {})

    tally = Tally()
    plan = Plan(seed=1, rps=1e9, duration_s=2e-5, ramp_s=0, weights={"unknown-order": 1})
    arrivals = sum(1 for _ in plan.arrivals())
    runner = Runner(
        plan, visitors, tally, lambda _: Stuck(target(there.url)), connections=2, drain_s=0.01
    )
    runner.run()
    gate.set()

    assert arrivals > MOST_WAITING
    assert (tally.skipped, tally.unfinished) == (arrivals - MOST_WAITING, MOST_WAITING)


def test_an_interruption_ends_at_once_and_counts_what_was_under_way(there: Gateway) -> None:
    visitors = visitors_of(there)
    tally = Tally()

    def interrupt(in_flight: int) -> None:
        if tally.overall().count:
            raise KeyboardInterrupt

    plan = replace(PLAN, duration_s=60)
    runner = Runner(plan, visitors, tally, lambda _: Client(target(there.url)), tick=interrupt, tick_s=0.01)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        runner.run()

    assert time.monotonic() - began < 5
    counted = tally.overall().count
    assert counted > 0
    tally.add("browse", Ask("me", "GET", "/api/me", 200), Answer(200, {}), latency_s=1.0, request_id="late")
    assert tally.overall().count == counted


def test_a_connection_that_the_gateway_closed_is_made_anew(there: Gateway) -> None:
    """Between two requests, so nothing is asked twice."""
    client = Client(target(there.url))
    there.before = lambda _method, _path: 0
    ask = Ask("me", "GET", "/api/me", 200)
    assert client.ask(ask, "1").status == 0
    there.before = lambda _method, _path: None
    assert [client.ask(ask, "1").status for _ in range(2)] == [200, 200]
    client.close()
    assert client.ask(ask, "1").status == 200
    client.close()


def test_workers_come_from_addresses_of_their_own(there: Gateway) -> None:
    addresses = {source_address(target(there.url), number) for number in range(256)}
    client = Client(target(there.url), source=source_address(target(there.url), 255))

    assert client.ask(Ask("me", "GET", "/api/me", 200), "1").status == 200
    assert len(addresses) in (1, 256)
    client.close()


def test_first_visitors_try_again_and_give_up_with_the_last_answer(there: Gateway) -> None:
    failing = iter([503] * 7)
    there.before = lambda _method, _path: next(failing, None)
    assert len(visitors_of(there)) == 5

    there.before = lambda _method, _path: 503
    moments = iter(range(100))
    client = Client(target(there.url))
    with pytest.raises(VisitError, match=r"within 20 s\. Last was POST /api/users: status 503 as told\. Look: clew st"):
        first_visitors(
            client, Visitors("run"), seed=1, clock=lambda: float(next(moments)), pause=lambda _: None
        )
    client.close()


def test_the_result_has_every_step_and_adds_up(there: Gateway) -> None:
    plan = replace(PLAN, duration_s=0.3, weights={"order": 1})
    there.before = lambda method, path: 500 if path.startswith("/api/orders/") else None
    tally = load(there, plan)
    result = Result.of(plan, tally, gateway=there.url, run="run", started_s=0.0, took_s=2.0, interrupted=False)
    document = result.document()

    assert document["requests"] == sum(step["requests"] for step in document["steps"]) == tally.overall().count
    assert document["rate"] == document["requests"] / 2
    assert document["unexpected"] == sum(step["unexpected"] for step in document["steps"]) > 10
    assert len(document["answers"]) == min(document["unexpected"], 100)
    assert {"p50", "p95", "p99", "max"} == set(document["latency_ms"])
    text = "\n".join(result.table())
    assert f"{document['unexpected']} unexpected answers." in text
    assert f"order, read back: 500 instead of 200         clew follow {TRACE}" in text
    assert text.endswith(f"… and {document['unexpected'] - 10} more.")


@pytest.mark.parametrize("make", [lambda rng: rng.uniform(0.001, 1), lambda rng: rng.expovariate(20)])
def test_quantiles_are_right_within_one_percent(make: Callable[[random.Random], float]) -> None:
    rng = random.Random(3)
    values = sorted(make(rng) for _ in range(5000))
    latencies = Latencies()
    for value in values:
        latencies.add(value)

    for q in (0.5, 0.95, 0.99):
        assert latencies.quantile(q) == pytest.approx(values[round(q * 5000) - 1], rel=0.011)
    assert latencies.in_ms()["max"] == round(1000 * values[-1], 2)
    assert Latencies().in_ms() == {"p50": 0, "p95": 0, "p99": 0, "max": 0}
