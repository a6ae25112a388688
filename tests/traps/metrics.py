"""Traps of counting."""

from __future__ import annotations

from contextlib import suppress

from flask import Flask

from tests.shapes.observed import is_access
from tests.traps.stage import DURATION, Stage, trace_of
from tests.traps.trap import Trap


def shop(stage: Stage) -> Flask:
    app = stage.observe(Flask("shop"))
    app.add_url_rule("/items/<int:n>", view_func=lambda n: str(n), endpoint="item")
    app.add_url_rule("/boom", view_func=lambda: 1 // 0, endpoint="boom")
    return app


def series_are_bounded(stage: Stage) -> None:
    client = shop(stage).test_client()
    for n in range(30):
        client.get(f"/items/{n}")
        client.get(f"/nowhere/{n}")
    assert stage.count() == 60
    assert len([s for s in stage.samples if s.name == f"{DURATION}_count"]) == 2


def unmatched_is_a_word_of_its_own(stage: Stage) -> None:
    shop(stage).test_client().get("/nowhere")
    routes = {s.labels["url_rule"] for s in stage.samples if s.name == f"{DURATION}_count"}
    assert routes == {"unmatched"}


def a_sample_points_to_its_trace(stage: Stage) -> None:
    shop(stage).test_client().get("/items/1")
    exemplars = [(s, s.exemplar) for s in stage.samples if s.name == f"{DURATION}_bucket" and s.exemplar]
    assert len(exemplars) == 1
    sample, exemplar = exemplars[0]
    (span,) = stage.spans
    assert span.context is not None
    assert exemplar.labels == {
        "trace_id": format(span.context.trace_id, "032x"), "span_id": format(span.context.span_id, "016x"),
    }
    assert exemplar.value <= float(sample.labels["le"])
    assert abs(exemplar.value - ((span.end_time or 0) - (span.start_time or 0)) / 1e9) < 1e-3


def a_failure_is_timed(stage: Stage) -> None:
    """As in tests and in debug mode: the exception goes on to the server, and `after_request` is not called."""
    app = shop(stage)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    with suppress(ZeroDivisionError):
        app.test_client().get("/boom")
    assert stage.count(status="500") == 1
    lines = [line for line in stage.lines if is_access(line)]
    assert len(lines) == 1
    assert lines[0]["event"]["outcome"] == "failure"
    assert lines[0]["event"]["duration"] > 0
    exemplars = [s.exemplar for s in stage.samples if s.name == f"{DURATION}_bucket" and s.exemplar]
    assert [exemplar.labels["trace_id"] for exemplar in exemplars] == [trace_of(lines[0])]


def two_apps_are_both_counted(stage: Stage) -> None:
    for name in ("shop", "back office"):
        app = stage.observe(Flask(name))
        app.add_url_rule("/", view_func=lambda: "ok", endpoint="home")
        app.test_client().get("/")
    assert stage.count() == 2


METRICS: tuple[Trap[Stage], ...] = (
    Trap(
        name="raw-paths",
        wrong="The exporter labels by raw path: every URL that somebody makes up is 18 series more.",
        promise="The route is the label; URLs that match none share one value.",
        check=series_are_bounded,
    ),
    Trap(
        name="unmatched-is-none",
        wrong="With `group_by=\"url_rule\"`, the usual cure, URLs that match no route are labelled `None`.",
        promise="They are labelled `unmatched`.",
        check=unmatched_is_a_word_of_its_own,
        tutorial={"group_by": "url_rule"},
    ),
    Trap(
        name="no-exemplars",
        wrong="The exporter makes no exemplars, also in OpenMetrics: there is no way from a slow bucket to a trace.",
        promise="Each bucket has one, labelled `trace_id` and `span_id`, inside its bounds and as long as its span.",
        check=a_sample_points_to_its_trace,
    ),
    Trap(
        name="failures-untimed",
        wrong="What stands in `after_request`, or in the `else` of a `try`, is not run for failures: no line, no time.",
        promise="A failed request has its sample, its exemplar and its line with a duration.",
        check=a_failure_is_timed,
    ),
    Trap(
        name="second-app",
        wrong="Of two apps on one registry the second is not counted; nobody says so.",
        promise="Every observed app is counted.",
        check=two_apps_are_both_counted,
    ),
)
