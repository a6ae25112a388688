"""Traps of starting, forking and ending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.traps.scenes import Played, Scenes, is_json
from tests.traps.stage import DURATION
from tests.traps.trap import Trap


@dataclass(frozen=True, slots=True)
class Act:
    """One instrumentation in all scenes."""

    kind: str
    scenes: Scenes

    def in_scene(self, scene: str) -> Played:
        return self.scenes.played(self.kind, scene)


def samples_of(exposition: str) -> list[Sample]:
    return [sample for family in text_string_to_metric_families(exposition) for sample in family.samples]


def spans_arrive_at_once(act: Act) -> None:
    assert act.in_scene("development").at_once > 0


def the_development_server_loses_nothing(act: Act) -> None:
    played = act.in_scene("development")
    assert played.ended_s is not None
    assert sorted(played.spans) == ["GET /last", "GET /ok", "GET /thread"]


def gone_in_time(scene: str) -> Callable[[Act], None]:
    """
    A check: gone before anybody's patience ends. The two seconds that are promised are measured in tests/workers; here
    the machine plays three scenes at once.
    """

    def check(act: Act) -> None:
        assert act.in_scene(scene).ended_s is not None

    return check


def everything_is_a_line(act: Act) -> None:
    played = act.in_scene("refusing")
    assert [line for line in played.output.splitlines() if not is_json(line)] == []
    actions = {line["event"].get("action") for line in played.lines}
    assert {"telemetry.failed", "thread.crashed", "request.finished"} <= actions


def workers_add_up(act: Act) -> None:
    played = act.in_scene("workers")
    assert len(set(played.met)) == 2
    counts = [sample.value for sample in samples_of(played.exposition) if sample.name == f"{DURATION}_count"]
    assert sum(counts) == played.answered


def workers_keep_exemplars(act: Act) -> None:
    samples = samples_of(act.scenes.of_several_workers(act.kind))
    below: dict[str, float] = {}
    hit = []
    for sample in samples:
        if sample.name == f"{DURATION}_bucket":
            route = sample.labels["url_rule"]
            if sample.value > below.get(route, 0.0):
                hit.append(sample)
            below[route] = sample.value
    assert hit
    assert [sample for sample in hit if sample.exemplar is None] == []
    assert "process_cpu_seconds_total" in {sample.name for sample in samples}


def instance_of(line: dict[str, Any]) -> str:
    return str(line.get("instance") or line.get("service", {}).get("node", {}).get("name", ""))


def workers_have_names_of_their_own(act: Act) -> None:
    played = act.in_scene("workers")
    named = [{instance_of(line) for line in played.lines if line["message"] == f"met in {pid}"} for pid in played.met]
    assert [len(names) for names in named] == [1, 1]
    assert named[0] != named[1]
    assert played.instances == named[0] | named[1]


def work_left_for_later_is_done(act: Act) -> None:
    played = act.in_scene("workers")
    said = [line["message"] for line in played.lines]
    assert sorted(message for message in said if "later" in message) == sorted(
        f"said later in {pid}" for pid in played.met
    )


def the_environment_changes_nothing(act: Act) -> None:
    silent = act.scenes.said(act.kind, hostile=False)
    assert silent["status"] == 200
    assert silent["calls"] == ["a" * 32]
    assert {span["name"] for span in silent["spans"]} >= {"GET /job", "inner"}
    assert act.scenes.said(act.kind, hostile=True) == silent


PROCESSES: tuple[Trap[Act], ...] = (
    Trap(
        name="nothing-for-five-seconds",
        wrong="The batch processor waits 5 s before it sends what it has.",
        promise="A span is sent within 200 ms.",
        check=spans_arrive_at_once,
    ),
    Trap(
        name="development-server",
        wrong="Flask's development server loses every span that waits when it gets SIGTERM.",
        promise="All of them arrive, that of a request answered a moment before included.",
        check=the_development_server_loses_nothing,
    ),
    Trap(
        name="collector-refuses",
        wrong="With a collector that refuses connections SIGTERM takes 6 s and more.",
        promise="Gone within 2 s; what could not be sent is counted (tests/workers).",
        check=gone_in_time("refusing"),
    ),
    Trap(
        name="collector-hangs",
        wrong="With a collector that takes connections and never answers SIGTERM takes 10 s.",
        promise="Gone within 2 s; what could not be sent is counted (tests/workers).",
        check=gone_in_time("hanging"),
    ),
    Trap(
        name="plain-text",
        wrong="Server, exporter and dying threads write plain text and stack traces between the lines.",
        promise="All of it is lines of the same shape; a collector that is away is one line per outage.",
        check=everything_is_a_line,
    ),
    Trap(
        name="workers-miscount",
        wrong="With several workers a scrape gets the numbers of the one that answers it.",
        promise="The numbers of all, also of those that ended (tests/workers).",
        check=workers_add_up,
    ),
    Trap(
        name="workers-without-exemplars",
        wrong="prometheus_client's multiprocess mode drops exemplars and the process' own metrics, silently.",
        promise="Any number of workers has both.",
        check=workers_keep_exemplars,
    ),
    Trap(
        name="one-name-for-all-workers",
        wrong="An instance id made before the fork is the same in the lines of all workers, and in no span of theirs.",
        promise="A fresh one per worker, the same in its lines, spans and accounts.",
        check=workers_have_names_of_their_own,
    ),
    Trap(
        name="threads-before-the-fork",
        wrong="A thread started before the fork, such as a QueueListener's, is in no worker: what it is to do is lost.",
        promise="Threads start in the process that needs them.",
        check=work_left_for_later_is_done,
    ),
    Trap(
        name="environment-decides",
        wrong="The packages read some 40 variables when they are imported and used; what was given explicitly loses.",
        promise="`Settings` decide; the environment is read in `main` only (tests/test_architecture.py).",
        check=the_environment_changes_nothing,
    ),
)
