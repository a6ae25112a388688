"""
How late answers are while the user service is slow: time after the deadline that the caller named, through all three
services. Promised: at most 50 ms, on a machine that is not busy otherwise.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import requests
from footprint import clew_up

LATE_AT_MOST_MS = 50.0
REQUESTS, AT_ONCE = 300, 4
DEADLINES_MS = (100, 200, 300, 500, 800, 1200, 1500)
FAULT = '[[fault]]\nservice = "user"\nroute = "GET /users/<user_id>"\nlatency_ms = 3000\n'
LOGIN = {"username": "ada", "password": "correct horse battery"}
ORDER = {"items": [{"sku": "tea", "quantity": 1, "unit_amount": 450}], "currency": "EUR"}


@dataclass(frozen=True, slots=True)
class Asked:
    what: str
    status: int
    late_ms: float


def ask(door: str, what: str, path: str, method: str, token: str, deadline_ms: int) -> Asked:
    headers = {"Authorization": f"Bearer {token}", "X-Request-Timeout-Ms": str(deadline_ms)}
    with requests.Session() as session:
        began = time.perf_counter()
        answer = session.request(method, door + path, headers=headers, json=ORDER if method == "POST" else None)
        return Asked(what, answer.status_code, (time.perf_counter() - began) * 1000 - deadline_ms)


def main() -> int:
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as scratch, clew_up(Path(scratch) / "home") as (record, _):
        door = record.url("GATEWAY_PORT") + "/api"
        requests.post(f"{door}/users", json=LOGIN | {"name": "Ada"}, timeout=5)
        token = requests.post(f"{door}/sessions", json=LOGIN, timeout=5).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        order = requests.post(f"{door}/orders", json=ORDER, headers=headers, timeout=5).json()["id"]
        (Path(scratch) / "home" / "faults.toml").write_text(FAULT, "utf-8")
        kinds = (("show", f"/orders/{order}", "GET"), ("place", "/orders", "POST"), ("me", "/me", "GET"))
        plan = [(*draw.choice(kinds), token, draw.choice(DEADLINES_MS)) for _ in range(REQUESTS)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            asked = list(pool.map(lambda one: ask(door, *one), plan))
    rows: dict[tuple[str, int], list[float]] = defaultdict(list)
    for one in asked:
        rows[one.what, one.status].append(one.late_ms)
    print(f"{'request':<8}{'status':>7}{'answers':>9}{'latest ms':>11}")
    for (what, status), late in sorted(rows.items()):
        print(f"{what:<8}{status:>7}{len(late):>9}{max(late):>11.1f}")
    latest = max(one.late_ms for one in asked)
    print(f"latest, ms after its deadline: {latest:.1f}. Promised: at most {LATE_AT_MOST_MS:g}.")
    return int(latest > LATE_AT_MOST_MS)


if __name__ == "__main__":
    sys.exit(main())
