"""How often somebody may ask."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from limits import parse

from observability import Settings, SettingsError, Telemetry
from observability.testing import capture
from services.gateway.counts import SharedCounts
from services.gateway.rate import RateLimit, rate
from services.shared.ids import new_id
from services.shared.sessions import Sessions
from tests.services.conftest import SECRET, World


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_as_many_as_allowed_one_waits_for_the_end_of_the_window(tmp_path: Path) -> None:
    clock = Clock()
    counts = SharedCounts(tmp_path / "counts.db", clock=clock)
    limit = RateLimit(parse("3/10 seconds"), counts, Telemetry.off(), clock)
    assert [limit.take("ada") for _ in range(4)] == [(True, 2, 10), (True, 1, 10), (True, 0, 10), (False, 0, 10)]
    assert limit.take("eve") == (True, 2, 10)
    clock.now += 9.5
    assert limit.take("ada") == (False, 0, 1)
    clock.now += 0.5
    assert limit.take("ada") == (True, 2, 10)


def test_what_has_ended_is_not_kept(tmp_path: Path) -> None:
    clock = Clock()
    counts = SharedCounts(tmp_path / "counts.db", clock=clock)
    for number in range(100):
        counts.incr(f"key {number}", 10)
    clock.now += 20
    counts.incr("one more", 10)
    assert counts._one("SELECT count(*) FROM counts", {}) == (1,)


def _count(file: Path, results: Any) -> None:
    counts = SharedCounts(file)
    with ThreadPoolExecutor(4) as pool:
        results.put(sorted(pool.map(lambda _: counts.incr("ada", 60), range(50))))


def test_processes_and_threads_count_together_and_none_twice(tmp_path: Path) -> None:
    fork = multiprocessing.get_context("fork")
    results: Any = fork.Queue()
    workers = [fork.Process(target=_count, args=(tmp_path / "counts.db", results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    seen = [number for _ in workers for number in results.get(timeout=30)]
    for worker in workers:
        worker.join(30)
    assert sorted(seen) == list(range(1, 101))


def test_without_a_place_to_count_everybody_may_ask_and_one_line_says_so(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no directory")
    with capture(Settings()) as seen:
        limit = RateLimit(parse("1/minute"), SharedCounts(tmp_path / "taken" / "x.db"), seen.telemetry)
        assert [limit.take("ada") for _ in range(5)] == [None] * 5
        (line,) = seen.events("dependency.failed")
        assert (line["log"]["level"], line["labels"]["dependency"]) == ("error", "rate_limit")


def test_a_limit_is_a_sentence_of_the_limits_library_or_off() -> None:
    assert rate("off") is None
    assert rate("5/10 seconds") == parse("5/10 seconds")
    with pytest.raises(SettingsError, match="RATE_LIMIT must look like"):
        rate("often")


@pytest.fixture
def limits() -> dict[str, str]:
    return {"gateway": "3/minute"}


def test_the_gateway_tells_how_much_is_left_and_refuses_more(world: World) -> None:
    path = "/api/users/nobody"
    answers = [world.call("GET", path) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    refused = answers[-1]
    assert (refused.mimetype, refused.get_json()["code"]) == ("application/problem+json", "too_many_requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"default";q=3;w=60'
    assert world.call("GET", "/healthz").status_code == 200
    assert "RateLimit" not in world.call("GET", "/readyz").headers


def test_users_have_their_own_count_wherever_they_ask_from(world: World) -> None:
    tokens = [Sessions(SECRET).open(new_id("usr"))[0] for _ in range(2)]
    for token in tokens:
        answers = [world.call("POST", "/api/orders/1/cancel", token=token) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [404, 404, 404, 429]
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert world.call("GET", "/api/orders", token=tokens[0], environ_base=elsewhere).status_code == 429
    assert world.call("GET", "/api/users/nobody").status_code == 404
    forged = [world.call("GET", "/api/users/nobody", token=f"forged{number}") for number in range(3)]
    assert [answer.status_code for answer in forged] == [404, 404, 429], "a forged token is an address"
