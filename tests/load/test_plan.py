"""Who comes when."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest

from clew.load import JOURNEYS, Plan

WEIGHTS = {name: kind.weight for name, kind in JOURNEYS.items()}
PLAN = Plan(seed=7, rps=50, duration_s=60, ramp_s=5, weights=WEIGHTS)


def requests(plan: Plan) -> Counter[int]:
    """By second."""
    seconds: Counter[int] = Counter()
    for arrival in plan.arrivals():
        seconds[int(arrival.at_s)] += JOURNEYS[arrival.journey].requests
    return seconds


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert list(PLAN.arrivals()) == list(PLAN.arrivals())
    assert list(PLAN.arrivals()) != list(replace(PLAN, seed=8).arrivals())


def test_what_an_arrival_chooses_depends_on_seed_and_number_alone() -> None:
    first, second = islice(PLAN.arrivals(), 2)

    assert PLAN.rng(first).random() == PLAN.rng(first).random() != PLAN.rng(second).random()


def test_arrivals_come_in_order_within_the_duration() -> None:
    arrivals = list(PLAN.arrivals())

    assert all(one.at_s <= other.at_s for one, other in pairwise(arrivals))
    assert arrivals[-1].at_s < 60
    assert [arrival.number for arrival in arrivals] == list(range(len(arrivals)))


def test_the_rate_is_that_of_requests_once_the_ramp_is_over() -> None:
    by_second = requests(replace(PLAN, duration_s=600))

    assert sum(by_second[second] for second in range(5, 600)) / 595 == pytest.approx(50, rel=0.05)
    assert sum(by_second[second] for second in range(5)) == pytest.approx(125, rel=0.4)


def test_journeys_come_in_proportion_to_their_weights() -> None:
    plan = replace(PLAN, duration_s=600, weights={"browse": 3, "order": 1, "burst": 0})
    chosen = Counter(arrival.journey for arrival in plan.arrivals())

    assert set(chosen) == {"browse", "order"}
    assert chosen["browse"] / chosen["order"] == pytest.approx(3, rel=0.1)


def test_a_burst_is_ten_in_the_same_moment() -> None:
    arrivals = list(islice(replace(PLAN, weights={"burst": 1}).arrivals(), 20))

    assert len({arrival.at_s for arrival in arrivals}) == 2


def test_a_plan_without_an_end_goes_on() -> None:
    assert len(list(islice(replace(PLAN, duration_s=float("inf")).arrivals(), 5_000))) == 5_000
