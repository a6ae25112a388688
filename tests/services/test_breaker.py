"""When somebody is left alone, and when asked again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def changes() -> list[bool]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(changes: list[bool], clock: Clock) -> Breaker:
    return Breaker(changes.append, failures=3, rest_s=2.0, clock=clock)


def call(breaker: Breaker, well: bool | None) -> bool:
    """Whether the call was let through."""
    if breaker.enter():
        return False
    breaker.leave(well)
    return True


def test_it_opens_after_failures_in_a_row_and_not_after_as_many_apart(breaker: Breaker, changes: list[bool]) -> None:
    for well in (False, False, True, False, None, False):
        assert call(breaker, well)
    assert changes == []
    assert call(breaker, False)
    assert changes == [True]
    assert not call(breaker, True)


def test_it_does_not_stay_open_because_nobody_calls(breaker: Breaker, changes: list[bool], clock: Clock) -> None:
    """And it is not trusted as if nothing had been."""
    for _ in range(3):
        call(breaker, False)
    clock.now += 2.0 + 4.9
    assert not breaker.expire(5.0)
    clock.now += 0.2
    assert breaker.expire(5.0)
    assert changes == [True, False]
    assert call(breaker, False)
    assert changes == [True, False, True]
    assert not breaker.expire(5.0)


def test_while_one_call_tries_it_does_not_close(breaker: Breaker, changes: list[bool], clock: Clock) -> None:
    for _ in range(3):
        call(breaker, False)
    clock.now += 100.0
    assert breaker.enter() == 0
    assert not breaker.expire(5.0)
    breaker.leave(False)
    assert changes == [True]


def test_after_its_rest_one_call_tries_and_closes_it(breaker: Breaker, changes: list[bool], clock: Clock) -> None:
    for _ in range(3):
        call(breaker, False)
    assert breaker.enter() == 2.0
    clock.now += 2.0
    assert breaker.enter() == 0
    assert breaker.enter() > 0, "somebody tries already"
    breaker.leave(True)
    assert changes == [True, False]
    assert call(breaker, False)
    assert call(breaker, True), "it counts from the beginning"


def test_a_trial_that_fails_keeps_it_open_and_one_that_says_nothing_lets_the_next_try(
    breaker: Breaker, changes: list[bool], clock: Clock
) -> None:
    for _ in range(3):
        call(breaker, False)
    clock.now += 2.0
    assert call(breaker, None)
    assert call(breaker, False)
    assert breaker.enter() == 2.0
    assert changes == [True]


def test_a_late_failure_of_an_old_call_does_not_prolong_the_rest(breaker: Breaker, clock: Clock) -> None:
    assert breaker.enter() == 0
    for _ in range(3):
        call(breaker, False)
    clock.now += 1.5
    breaker.leave(False)
    assert breaker.enter() == 0.5


@given(st.lists(st.tuples(st.sampled_from([True, False, None]), st.floats(0, 3)), max_size=60))
def test_whatever_happens_it_opens_and_closes_in_turn_and_never_stays_open_without_a_reason(
    steps: list[tuple[bool | None, float]],
) -> None:
    changes: list[bool] = []
    clock = Clock()
    breaker = Breaker(changes.append, failures=3, rest_s=2.0, clock=clock)
    for well, pause in steps:
        call(breaker, well)
        clock.now += pause
    assert changes == [index % 2 == 0 for index in range(len(changes))]
    clock.now += 2.0
    assert call(breaker, True)
    assert breaker.enter() == 0


def test_of_many_threads_one_tries(breaker: Breaker, clock: Clock) -> None:
    for _ in range(3):
        call(breaker, False)
    clock.now += 2.0
    start = Barrier(8)

    def enter(_: int) -> float:
        start.wait(10)
        return breaker.enter()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(enter, range(8))).count(0.0) == 1
