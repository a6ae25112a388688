"""Many requests at once through the gateway, and what happens half-way."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.support.running import ORDER, Answer, Buyer, Running

CLIENTS = 4


@dataclass(frozen=True)
class Load:
    """
    Every answer by what was asked; *unanswered* is how many requests got none.
    """

    placing: list[Answer]
    reading: list[Answer]
    unanswered: int

    @property
    def answers(self) -> list[Answer]:
        return [*self.placing, *self.reading]


def load(running: Running, buyer: Buyer, requests: int, *, half_way: Callable[[], object]) -> Load:
    """*requests* by `CLIENTS` clients, every second one places an order and the others read one; *half_way* is called
    by one of them when half of it is done."""
    order = running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers).json["id"]

    def one(number: int) -> Answer | None:
        if number == requests // 2:
            half_way()
        try:
            if number % 2:
                return running.gateway("POST", "/api/orders", ORDER, headers=buyer.headers)
            return running.gateway("GET", f"/api/orders/{order}", headers=buyer.headers)
        except (OSError, http.client.HTTPException):
            return None

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(one, range(requests)))
    return Load(
        [answer for answer in answers[1::2] if answer], [answer for answer in answers[::2] if answer],
        sum(answer is None for answer in answers),
    )
