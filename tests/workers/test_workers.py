"""Several workers, some of which die: the numbers are those that the clients got."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.samples import Sample

from tests.support.collector import Collector
from tests.support.waiting import eventually
from tests.workers.conftest import DURATION, Served

pytestmark = pytest.mark.slow

REQUESTS = 2000
CLIENTS = 8
ROUTES = {"/ok": "200", "/slow": "200", "/no": "404", "/boom": "500"}


def test_counts_exemplars_and_ledger_are_right_when_workers_are_replaced_and_killed(
    serve: Callable[[str, int], Served],
) -> None:
    """2,000 requests at 4 workers; half-way one gets SIGTERM and one SIGKILL."""
    with Collector() as collector:
        served = serve(collector.url, 4)
        answers, lost = ask(served)
        counts = {key: value for key, value in count(served.samples()).items() if key[0] != "/metrics"}

        for key, wanted in answers.items():
            # In flight at the kill: counted, but the client heard nothing.
            assert wanted <= counts[key] <= wanted + lost, (key, wanted, counts[key], lost)
        assert sum(counts.values()) <= REQUESTS
        assert lost <= CLIENTS

        every_bucket_has_an_exemplar_that_holds(served, collector)
        the_ledger_adds_up(served, collector)


def ask(served: Served) -> tuple[Counter[tuple[str, str]], int]:
    """What the clients got, by (route, status), and how many got nothing."""
    rng = random.Random(7)
    paths = [rng.choices(list(ROUTES), weights=(80, 5, 10, 5))[0] for _ in range(REQUESTS)]
    answers: Counter[tuple[str, str]] = Counter()
    first, second = served.workers()[:2]

    def one(number: int) -> tuple[str, int]:
        if number == REQUESTS // 2:
            os.kill(first, signal.SIGTERM)
            os.kill(second, signal.SIGKILL)
        return paths[number], served.get(f"{paths[number]}/{number}")

    with ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(one, range(REQUESTS)))
    lost = 0
    for path, status in results:
        if status:
            answers[f"{path}/<int:n>", str(status)] += 1
            assert str(status) == ROUTES[path]
        else:
            lost += 1
    eventually(lambda: sum(count(served.samples()).values()) >= sum(answers.values()), what="the last count")
    return answers, lost


def count(samples: list[Sample]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for sample in samples:
        if sample.name == f"{DURATION}_count":
            counts[sample.labels["url_rule"], sample.labels["status"]] += int(sample.value)
    return counts


def every_bucket_has_an_exemplar_that_holds(served: Served, collector: Collector) -> None:
    emitted = served.total("telemetry_emitted_total", signal="traces")
    lost = REQUESTS // 10
    eventually(lambda: len(collector.spans) >= emitted - lost, what="the last spans")

    def holds() -> bool:
        spans = {span.trace_id.hex(): span for span in list(collector.spans)}
        below: dict[tuple[str, str], float] = {}
        checked = 0
        for sample in served.samples():
            if sample.name != f"{DURATION}_bucket":
                continue
            key = (sample.labels["url_rule"], sample.labels["status"])
            hits, below[key] = sample.value - below.get(key, 0.0), sample.value
            if not hits:
                continue
            if sample.exemplar is None:
                # All its hits were of the killed worker, whose spans of the last moment went with it.
                assert hits <= sum(account(served, collector).values()), sample
                continue
            span = spans[sample.exemplar.labels["trace_id"]]
            told = {a.key: a.value for a in span.attributes}
            assert told["http.route"].string_value == sample.labels["url_rule"]
            assert str(told["http.response.status_code"].int_value) == sample.labels["status"]
            duration = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
            assert abs(duration - sample.exemplar.value) < 1e-3
            assert duration <= float(sample.labels["le"])
            checked += 1
        return checked > 4

    def waiting() -> bool:
        try:
            return holds()
        except KeyError:  # a span that is still under way
            return False

    eventually(waiting, what="an exemplar in every bucket whose trace exists")


def account(served: Served, collector: Collector) -> dict[str, int]:
    """
    Spans that were emitted and neither arrived nor were counted as dropped (a busy machine may keep a worker that ends
    from sending its last ones in time), per worker.
    """
    samples = served.samples()

    def counted(word: str) -> Counter[str]:
        return Counter(
            {
                s.labels["service_instance_id"]: int(s.value)
                for s in samples
                if s.name == f"telemetry_instance_{word}_total" and s.labels["signal"] == "traces"
            }
        )

    emitted, dropped, stored = counted("emitted"), counted("dropped"), Counter(collector.instances)
    assert set(stored) <= set(emitted)
    return {instance: value - dropped[instance] - stored[instance] for instance, value in emitted.items()}


def the_ledger_adds_up(served: Served, collector: Collector) -> None:
    """Per worker: emitted = stored + dropped + missing, and only the killed one misses anything."""

    def one_at_most() -> bool:
        found = account(served, collector)
        assert sum(1 for value in found.values() if value) <= 1, found
        return True

    eventually(one_at_most, what="one worker at most misses spans")
    missing = account(served, collector)
    assert len(missing) >= 5  # four, and the replacements
    assert all(value >= 0 for value in missing.values())
    assert sum(missing.values()) <= REQUESTS // 4

    lines = served.lines()
    ids = [line["event"]["id"] for line in lines]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("kind", ["healthy", "refusing", "hanging"])
def test_a_service_is_gone_soon_after_sigterm_whatever_the_collector_does(
    serve: Callable[[str, int], Served], kind: str
) -> None:
    """
    A healthy collector gets every span; in the other cases every span is counted as dropped. How quick that is on a
    machine that does nothing else says benchmarks/farewell.py; the SDK's own exporter takes 6 to 10 s.
    """
    from tests.support.collector import refusing_url

    with Collector(hang=kind == "hanging") as collector:
        served = serve(refusing_url() if kind == "refusing" else collector.url, 2)
        for number in range(40):
            assert served.get(f"/ok/{number}") == 200
        served.stop(within_s=5)
        assert served.process.returncode == 0
        accounts = read_accounts(served)
        assert accounts["emitted"] == 40
        stored = len(collector.spans)
        assert stored == (40 if kind == "healthy" else 0)
        assert accounts["emitted"] == stored + accounts["dropped"]
        assert len([line for line in served.lines() if line["event"].get("action") == "request.finished"]) == 40


def read_accounts(served: Served) -> dict[str, int]:
    """The service is gone; what it counted is in its files."""
    from observability.metrics import Metrics, exposition

    text = exposition(Metrics(served.folder / "metrics", instance=lambda: "reader"), "")[0].decode()
    found = {"emitted": 0, "dropped": 0}
    for line in text.splitlines():
        for word in found:
            if line.startswith(f"telemetry_{word}_total{{") and 'signal="traces"' in line:
                found[word] += int(float(line.rpartition(" ")[2]))
    return found
