"""Several workers, some of which die: the numbers are those that the clients got."""

from __future__ import annotations

import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from prometheus_client.samples import Sample

from tests.support.collector import Collector
from tests.support.waiting import eventually
from tests.workers.conftest import DURATION, Served
from tests.workers.serve import THREADS

pytestmark = pytest.mark.slow

REQUESTS = 2000
CLIENTS = 8
ROUTES = {"/ok": "200", "/slow": "200", "/no": "404", "/boom": "500"}


@dataclass
class Asked:
    """
    What 2,000 requests got, during which one worker was told to end and one killed.

    :ivar answers: by (route, status); *of*: by the process that answered.
    :ivar lost: requests that got no answer.
    :ivar killed: the process.
    """

    killed: int
    answers: Counter[tuple[str, str]] = field(default_factory=Counter)
    of: Counter[int] = field(default_factory=Counter)
    lost: int = 0


def test_counts_exemplars_and_ledger_are_right_when_workers_are_replaced_and_killed(
    serve: Callable[[str, int], Served],
) -> None:
    """2,000 requests at 4 workers; half-way one gets SIGTERM and one SIGKILL."""
    with Collector() as collector:
        served = serve(collector.url, 4)
        asked = ask(served)
        assert asked.lost <= CLIENTS
        every_worker_but_the_killed_one_counted_each_of_its_answers(served, asked)
        the_histogram_counts_what_clients_got(served, asked)
        every_bucket_has_an_exemplar_that_holds(served, collector)
        the_ledger_adds_up(served, collector, instance_of(served, asked.killed))


def ask(served: Served) -> Asked:
    rng = random.Random(7)
    paths = [rng.choices(list(ROUTES), weights=(80, 5, 10, 5))[0] for _ in range(REQUESTS)]
    ended, killed = served.workers()[:2]

    def one(number: int) -> tuple[str, int, int]:
        if number == REQUESTS // 2:
            os.kill(ended, signal.SIGTERM)
            os.kill(killed, signal.SIGKILL)
        return paths[number], *served.get(f"{paths[number]}/{number}")

    asked = Asked(killed)
    with ThreadPoolExecutor(CLIENTS) as pool:
        for path, status, pid in pool.map(one, range(REQUESTS)):
            if status:
                assert str(status) == ROUTES[path]
                asked.answers[f"{path}/<int:n>", str(status)] += 1
                asked.of[pid] += 1
            else:
                asked.lost += 1
    return asked


def instance_of(served: Served, pid: int) -> str:
    (name,) = {line["service"]["node"]["name"] for line in served.lines() if line["process"]["pid"] == pid}
    return name


def every_worker_but_the_killed_one_counted_each_of_its_answers(served: Served, asked: Asked) -> None:
    """A client has its answer a moment before it is counted: the killed one may miss what its threads had in hand."""
    instances = {pid: instance_of(served, pid) for pid in asked.of}

    def all_counted() -> bool:
        counted = accounts(served.samples(), "emitted")
        for pid, answers in asked.of.items():
            spare = THREADS if pid == asked.killed else 0
            assert answers - spare <= counted[instances[pid]] <= answers + asked.lost, (pid, asked, counted)
        return True

    eventually(all_counted, what="the last count")


def the_histogram_counts_what_clients_got(served: Served, asked: Asked) -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for sample in served.samples():
        if sample.name == f"{DURATION}_count" and sample.labels["url_rule"] != "/metrics":
            counts[sample.labels["url_rule"], sample.labels["status"]] += int(sample.value)
    assert counts.keys() == asked.answers.keys()
    assert (asked.answers - counts).total() <= THREADS, (asked, counts)
    assert (counts - asked.answers).total() <= asked.lost, (asked, counts)


def accounts(samples: list[Sample], word: str) -> Counter[str]:
    """Spans that were *word* (emitted, dropped), by instance."""
    return Counter({
        sample.labels["service_instance_id"]: int(sample.value)
        for sample in samples
        if sample.name == f"telemetry_instance_{word}_total" and sample.labels["signal"] == "traces"
    })


def missing(served: Served, collector: Collector) -> Counter[str]:
    """Spans that were emitted and neither arrived nor were counted as dropped, by instance."""
    stored = Counter(list(collector.instance_of.values()))
    samples = served.samples()
    emitted, dropped = accounts(samples, "emitted"), accounts(samples, "dropped")
    assert stored <= emitted
    return emitted - stored - dropped


def every_bucket_has_an_exemplar_that_holds(served: Served, collector: Collector) -> None:
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
                assert hits <= missing(served, collector).total(), sample
                continue
            assert sample.exemplar.labels["trace_id"] in spans, "its span is still under way"
            span = spans[sample.exemplar.labels["trace_id"]]
            told = {a.key: a.value for a in span.attributes}
            assert told["http.route"].string_value == sample.labels["url_rule"]
            assert str(told["http.response.status_code"].int_value) == sample.labels["status"]
            duration = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9
            assert abs(duration - sample.exemplar.value) < 1e-3
            assert duration <= float(sample.labels["le"])
            checked += 1
        return checked > 4

    eventually(holds, what="an exemplar in every bucket whose trace exists")


def the_ledger_adds_up(served: Served, collector: Collector, killed: str) -> None:
    """
    Per worker: stored <= emitted <= stored + dropped, and only the killed one misses anything. A span whose
    acknowledgement came too late may be both stored and counted as dropped.
    """

    def only_the_killed_one() -> bool:
        assert not missing(served, collector).keys() - {killed}
        return True

    eventually(only_the_killed_one, what="no worker but the killed one misses spans")
    assert len(accounts(served.samples(), "emitted")) >= 5  # four, and a replacement
    assert missing(served, collector)[killed] <= REQUESTS // 4

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
            assert served.get(f"/ok/{number}")[0] == 200
        served.stop(within_s=5)
        assert served.process.returncode == 0
        read = read_accounts(served)
        assert read["emitted"] == 40
        stored = len(collector.instance_of)
        assert stored == (40 if kind == "healthy" else 0)
        assert read["emitted"] == stored + read["dropped"]
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
