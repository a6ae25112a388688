"""
One journey, step by step; and the first visitors, whom all other journeys need.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from clew.load.client import Client
from clew.load.journeys import Answer, Ask, Journey, Visitors, arrive

_PAUSE_S = 0.5


class VisitError(Exception):
    """Nobody could register; the message has the last answer and the next command."""


def drive(journey: Journey, ask: Callable[[Ask], Answer]) -> bool:
    """Go on until the journey ends (True) or an answer is not the expected one (False)."""
    try:
        wanted = next(journey)
        while True:
            answer = ask(wanted)
            if answer.status != wanted.expect:
                journey.close()
                return False
            wanted = journey.send(answer)
    except StopIteration:
        return True


def first_visitors(
    client: Client, visitors: Visitors, *, seed: int, count: int = 5, within_s: float = 20.0,
    clock: Callable[[], float] = time.monotonic, pause: Callable[[float], object] = time.sleep,
) -> None:
    """
    Register *count* visitors, one after the other, again where it fails (a fault may be on); one is enough after
    *within_s*.

    :raises VisitError: not even one.
    """
    until = clock() + within_s
    last = "nothing was asked"

    def ask(wanted: Ask) -> Answer:
        nonlocal last
        answer = client.ask(wanted, f"load-{visitors.run}-first")
        said = answer.error or f"status {answer.status} {answer.text('detail')}".rstrip()
        last = f"{wanted.method} {wanted.path}: {said}"
        return answer

    attempt = 0
    while len(visitors) < count and clock() < until:
        rng = random.Random(f"{seed}-first-{attempt}")
        attempt += 1
        if not drive(arrive(rng, visitors, f"first-{attempt}"), ask) and clock() < until:
            pause(_PAUSE_S)
    if not len(visitors):
        raise VisitError(f"Nobody could register and order within {within_s:g} s. Last was {last}. Look: clew status")
