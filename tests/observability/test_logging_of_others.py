"""What somebody else's logging configuration, hooks and levels do to lines, and lines to them."""

from __future__ import annotations

import logging
import logging.config
import sys
import threading
from collections.abc import Iterator

import pytest
from flask import Flask

from observability import Settings, Telemetry, observe
from observability.testing import Capture, SpanList, capture


@pytest.fixture
def seen() -> Iterator[Capture]:
    with capture(Settings(service_name="shop")) as seen:
        yield seen


def reconfigure(how: str) -> None:
    if how == "dictConfig":
        before = [logger for logger in logging.Logger.manager.loggerDict.values() if not getattr(logger, "disabled", 1)]
        logging.config.dictConfig({"version": 1, "root": {"level": "ERROR", "handlers": []}})
        for logger in before:  # for the tests behind this one
            logger.disabled = False
    else:
        logging.basicConfig(force=True, handlers=[logging.NullHandler()])


@pytest.mark.parametrize("how", ["dictConfig", "basicConfig"])
def test_events_are_written_and_the_loss_of_records_is_said_once_when_logging_is_configured_anew(
    seen: Capture, how: str
) -> None:
    app = observe(Flask("shop"), seen.telemetry)
    app.add_url_rule("/x", view_func=lambda: "x")
    reconfigure(how)
    for _ in range(3):
        assert app.test_client().get("/x").data
    seen.telemetry.log("order.placed")
    assert len(seen.events("telemetry.failed")) == len(seen.events("order.placed")) == 1
    assert "telemetry.start()" in seen.events("telemetry.failed")[0]["message"]

    seen.telemetry.start()
    logging.getLogger("new").error("heard again")
    assert seen.lines[-1]["message"] == "heard again"


def test_what_disables_loggers_keeps_no_event_back(seen: Capture) -> None:
    logger = logging.getLogger("shop")
    logging.disable(logging.CRITICAL)
    logger.disabled = True
    try:
        seen.telemetry.log("order.placed")
    finally:
        logging.disable(logging.NOTSET)
        logger.disabled = False
    assert len(seen.events("order.placed")) == 1


def test_an_event_needs_no_start() -> None:
    with capture(Settings(service_name="shop"), start=False) as seen:
        seen.telemetry.log("order.placed")
        assert len(seen.lines) == 1


def test_log_level_is_each_telemetrys_own_and_the_lowest_that_is_written() -> None:
    loud = logging.getLogger("loud")
    loud.setLevel(logging.DEBUG)
    try:
        with (
            capture(Settings(service_name="one", log_level="warning")) as one,
            capture(Settings(service_name="two", log_level="debug")) as two,
        ):
            for seen in (one, two):
                app = observe(Flask(seen.telemetry.settings.service_name), seen.telemetry)
                app.add_url_rule("/x", view_func=lambda: loud.debug("detail") or "x")
                assert app.test_client().get("/x").data
                seen.telemetry.log("a.happened", level="info")
            assert [line["event"]["action"] for line in one.lines] == ["request.finished"]
            assert {line["log"]["level"] for line in two.lines} == {"debug", "info"}
    finally:
        loud.setLevel(logging.NOTSET)


def test_after_a_stop_a_start_begins_anew_as_another_instance(seen: Capture) -> None:
    seen.telemetry.log("one.happened")
    seen.telemetry.stop()
    seen.telemetry.log("two.happened")
    seen.telemetry.start()
    seen.telemetry.log("three.happened")
    assert [line["event"]["action"] for line in seen.lines] == ["one.happened", "three.happened"]
    assert len({line["service"]["node"]["name"] for line in seen.lines}) == 2
    assert seen.value("telemetry_dropped_total", signal="logs", reason="shutdown") == 1


def test_telemetries_may_stop_in_any_order() -> None:
    handlers = list(logging.getLogger().handlers)
    with capture(Settings(service_name="one")) as one, capture(Settings(service_name="two")) as two:
        one.telemetry.stop()
        logging.getLogger("any").error("to the other")
        assert [line["message"] for line in two.lines] == ["to the other"]
        one.telemetry.start()
        two.telemetry.stop()
        logging.getLogger("any").error("and back")
        assert [line["message"] for line in one.lines] == ["and back"]
    assert logging.getLogger().handlers == handlers


def test_hooks_that_somebody_installed_later_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    with capture():
        theirs = sys.excepthook = lambda *_: None
        theirs_too = threading.excepthook = lambda _: None
    assert (sys.excepthook, threading.excepthook) == (theirs, theirs_too)


def test_a_crash_is_not_hushed_up_where_lines_go_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda *error: told.append(error))
    monkeypatch.setattr(threading, "excepthook", told.append)
    telemetry = Telemetry(Settings(service_name="shop", log_stdout=False), span_sink=SpanList()).start()
    try:
        thread = threading.Thread(target=lambda: 1 // 0)
        thread.start()
        thread.join()
        sys.excepthook(ValueError, ValueError("main"), None)
    finally:
        telemetry.stop()
    assert len(told) == 2
