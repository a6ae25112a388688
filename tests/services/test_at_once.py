"""Many callers who want the same, at once, and real workers between them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
import requests

from services.shared.ids import new_id
from tests.services.conftest import ORDER, PASSWORD
from tests.services.processes import running


@pytest.mark.slow
def test_of_500_registrations_of_one_name_at_once_one_succeeds(tmp_path: Path) -> None:
    start = Barrier(500)
    with running(tmp_path, "user") as services:
        url = services["user"].url + "/users"

        def register(number: int) -> int:
            wish = {"username": "ada", "password": PASSWORD, "name": f"Ada {number}"}
            start.wait(60)
            return requests.post(url, json=wish, timeout=60).status_code

        with ThreadPoolExecutor(500) as pool:
            assert Counter(pool.map(register, range(500))) == {201: 1, 409: 499}


@pytest.mark.slow
def test_two_orders_at_once_under_one_key_are_one_order(tmp_path: Path) -> None:
    with running(tmp_path, "user", "order") as services:
        wish = {"username": "ada", "password": PASSWORD, "name": "Ada"}
        user_id = requests.post(services["user"].url + "/users", json=wish, timeout=5).json()["id"]
        url = services["order"].url + "/orders"
        for _ in range(10):
            headers = {"X-User-Id": user_id, "Idempotency-Key": new_id("key")}
            start = Barrier(2)

            def place(
                _: int, headers: dict[str, str] = headers, start: Barrier = start
            ) -> tuple[int, str]:
                start.wait(10)
                answer = requests.post(url, json=ORDER, headers=headers, timeout=10)
                return answer.status_code, answer.text

            with ThreadPoolExecutor(2) as pool:
                first, second = pool.map(place, range(2))
            assert first == second
            assert first[0] == 201
        listed = requests.get(url, params={"user_id": user_id}, timeout=5).json()["orders"]
        assert len(listed) == 10
