"""
Who comes when: the same for the same seed, whatever the services answer (an open loop).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from clew.load.journeys import JOURNEYS


@dataclass(frozen=True, slots=True)
class Arrival:
    """
    :param at_s: when the journey has to begin, in seconds after the start.
    :param number: counts arrivals from 0; with the seed it decides everything that the journey chooses.
    """

    at_s: float
    journey: str
    number: int


@dataclass(frozen=True, slots=True)
class Plan:
    """
    :param rps: requests per second once the ramp is over, on average: arrivals are a Poisson process.
    :param duration_s: no journey begins after it; infinity goes on until stopped.
    :param ramp_s: the rate rises evenly from nothing over this time.
    :param weights: journey -> how often it is chosen, in proportion to the others.
    """

    seed: int
    rps: float
    duration_s: float
    ramp_s: float
    weights: Mapping[str, float]

    def arrivals(self) -> Iterator[Arrival]:
        """In order of time."""
        rng = random.Random(self.seed)
        names = [name for name in self.weights if self.weights[name] > 0]
        weights = [self.weights[name] for name in names]
        requests = 0.0
        number = 0
        while True:
            (name,) = rng.choices(names, weights)
            journey = JOURNEYS[name]
            # a journey of three requests takes the time of three, so that the rate is that of requests
            requests += rng.expovariate(1.0) * journey.requests * journey.together
            at_s = self._when(requests)
            if at_s >= self.duration_s:
                return
            for _ in range(journey.together):
                yield Arrival(at_s, name, number)
                number += 1

    def rng(self, arrival: Arrival) -> random.Random:
        """For what this arrival chooses on its way."""
        return random.Random(f"{self.seed}-{arrival.number}")

    def _when(self, requests: float) -> float:
        """The time by which so many requests should have begun: the integral of the rate, turned round."""
        in_ramp = self.rps * self.ramp_s / 2
        if requests < in_ramp:
            return math.sqrt(2 * self.ramp_s * requests / self.rps)
        return self.ramp_s + (requests - in_ramp) / self.rps
