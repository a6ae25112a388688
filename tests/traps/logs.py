"""Traps of logging."""

from __future__ import annotations

import io
import logging
import tempfile
import threading
from contextlib import redirect_stderr
from pathlib import Path

from flask import Flask

from tests.traps.stage import Stage, trace_of
from tests.traps.trap import Trap


def trace_ids(stage: Stage) -> set[str]:
    return {format(span.context.trace_id, "032x") for span in stage.spans if span.context}


def child_loggers_know_the_trace(stage: Stage) -> None:
    app = stage.observe(Flask("shop"))

    @app.get("/")
    def home() -> str:
        logging.getLogger("shop.payments").info("charged")
        app.logger.warning("low stock")
        return "ok"

    app.test_client().get("/")
    assert {trace_of(stage.line("charged"))} == trace_ids(stage)
    assert {trace_of(stage.line("low stock"))} == trace_ids(stage)


def threads_know_the_trace(stage: Stage) -> None:
    app = stage.observe(Flask("shop"))

    @app.get("/")
    def home() -> str:
        thread = threading.Thread(target=stage.carry(lambda: logging.getLogger().info("sent")))
        thread.start()
        thread.join()
        return "ok"

    app.test_client().get("/")
    assert {trace_of(stage.line("sent"))} == trace_ids(stage)


def ids_stand_where_ecs_has_them(stage: Stage) -> None:
    app = stage.observe(Flask("shop"))

    @app.get("/")
    def home() -> str:
        logging.getLogger().info("charged")
        return "ok"

    app.test_client().get("/")
    (span,) = stage.spans
    assert span.context is not None
    line = stage.line("charged")
    assert line.get("trace") == {"id": format(span.context.trace_id, "032x")}
    assert line.get("span") == {"id": format(span.context.span_id, "016x")}
    assert next(iter(line)) == "@timestamp"


def nothing_is_written_past_the_lines(stage: Stage) -> None:
    """An app that logs before logging is set up has Flask's own handler, which writes to standard error."""
    app = Flask("early")
    with redirect_stderr(io.StringIO()) as said:
        app.logger.warning("starting")
        early = said.tell()
        stage.observe(app)

        @app.get("/")
        def home() -> str:
            raise RuntimeError("password=hunter2-and-more")

        assert app.test_client().get("/").status_code == 500
    assert early > 0
    assert said.getvalue()[early:] == ""


def lines_wait_for_their_reader(stage: Stage) -> None:
    messages = [f"line {n}" for n in range(5)]
    with tempfile.TemporaryDirectory() as folder:
        assert stage.read_later(messages, Path(folder)) == messages


LOGS: tuple[Trap[Stage], ...] = (
    Trap(
        name="child-loggers",
        wrong="A filter on the root *logger* does not see what child loggers say: their lines have no trace id.",
        promise="Every line of a request has it, `app.logger` and libraries included.",
        check=child_loggers_know_the_trace,
    ),
    Trap(
        name="threads",
        wrong="Context does not follow into a plain thread: its lines have no trace id.",
        promise="A function wrapped by `carry_context` takes the request along.",
        check=threads_know_the_trace,
    ),
    Trap(
        name="ids-out-of-place",
        wrong="The trace id stands where Kibana does not look for it; ecs-logging knows that of Elastic's agent only.",
        promise="`trace.id` and `span.id`, nested, as ECS has them; `@timestamp` first.",
        check=ids_stand_where_ecs_has_them,
    ),
    Trap(
        name="flasks-own-handler",
        wrong="An app that logs before logging is set up keeps Flask's handler: exceptions go to standard error too, "
        "unredacted.",
        promise="`observe` takes that handler away.",
        check=nothing_is_written_past_the_lines,
    ),
    Trap(
        name="lines-over-tcp",
        wrong="A handler that sends lines to Logstash's tcp input drops them while Logstash is down, and says nothing.",
        promise="Lines are in a file before the log call returns; whoever reads it later gets all of them.",
        check=lines_wait_for_their_reader,
    ),
)
