"""What is said while the process ends."""

from __future__ import annotations

import json
import threading
from typing import Any

from flask import Flask
from werkzeug.test import create_environ

from observability import Settings, Telemetry, observe
from observability.testing import Capture, capture
from tests.support.collector import refusing_url


def answered(app: Flask, *, server: str) -> Any:
    """A body that the client has read to its end, and that the server has not closed yet."""
    environ = create_environ("/") | ({"SERVER_SOFTWARE": server} if server else {})
    body = iter(app(environ, lambda status, headers, exc_info=None: lambda data: None))
    next(body)
    return body


def shop(seen: Capture) -> Flask:
    app = observe(Flask("shop"), seen.telemetry)
    app.add_url_rule("/", view_func=lambda: (part for part in ("one", "two")), endpoint="home")
    return app


def test_a_request_that_is_just_being_closed_is_waited_for() -> None:
    """The client has its answer and the process is told to end, but the server's thread is not done."""
    with capture(Settings(service_name="shop")) as seen:
        body = answered(shop(seen), server="Werkzeug")
        ending = threading.Thread(target=lambda: seen.telemetry.stop(30.0))
        ending.start()
        ending.join(0.05)
        assert ending.is_alive()

        body.close()
        ending.join(10)
        assert [span.name for span in seen._spans.spans] == ["GET /"]


def test_a_body_that_nobody_will_close_is_not_waited_for() -> None:
    with capture(Settings(service_name="shop")) as seen:
        body = answered(shop(seen), server="")
        ending = threading.Thread(target=lambda: seen.telemetry.stop(30.0))
        ending.start()
        ending.join(5)
        assert not ending.is_alive()
        body.close()


def test_that_the_collector_is_away_is_said_even_if_it_turns_out_at_the_end() -> None:
    lines: list[bytes] = []
    settings = Settings(service_name="shop", otlp_endpoint=refusing_url(), export_delay_s=60.0)
    telemetry = Telemetry(settings, line_sink=lambda line: not lines.append(line))
    with telemetry.tracer("shop").start_as_current_span("work"):
        assert lines == []
    telemetry.stop(1.0)
    assert [json.loads(line)["event"]["action"] for line in lines] == ["telemetry.failed"]
