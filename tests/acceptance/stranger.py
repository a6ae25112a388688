"""
Somebody else's app, observed: it says everything it gets to everybody who listens.

``python -m tests.acceptance.stranger FD GATEWAY`` serves it on the bound socket FD; settings come from the environment.
"""

from __future__ import annotations

import base64
import logging
import os
import socket
import sys
import threading
import warnings
from typing import Any
from urllib.parse import quote, quote_plus

from flask import Flask, request
from opentelemetry import trace
from werkzeug.serving import make_server

from observability import Settings, Telemetry, carry_context, observe, problem_details

log = logging.getLogger("stranger.shop")


def say(telemetry: Telemetry, gateway: str, told: dict[str, Any]) -> None:
    """Each value of *told* in log arguments, labels, spans, warnings, threads, calls and counters."""
    for name, value in told.items():
        encoded = base64.b64encode(value.encode()).decode()
        log.info("got %s: %s and again %r", name, value, value)
        log.warning("in base64: %s, quoted: %s, plus: %s", encoded, quote(value, safe=""), quote_plus(value))
        log.info("a dict: %s", {name: value, "list": [value]})
        log.info("with extra", extra={name: value, "note": f"<b>{value}</b>"})
        telemetry.log("stranger.told", f"told {value}", labels={"what": value, "encoded": encoded}, note=value)
        telemetry.counter("stranger_told_total", "What strangers tell", ("what",)).labels(value).inc()
        warnings.warn(f"a warning about {value}", stacklevel=2)
    with trace.get_tracer("stranger").start_as_current_span(f"tell {told['email']} {told['canary']}") as span:
        for name, value in told.items():
            span.set_attribute(f"told.{name}", value)
            span.set_attribute(f"said.{name}", f"the value is {value}")
            span.add_event(f"told {value}", {"value": value})
        span.set_status(trace.StatusCode.ERROR, f"about {told['email']} and {told['password']}, {told['canary']}")
        span.record_exception(ValueError(f"{told['card']} of {told['email']}, {told['password']}, {told['canary']}"))
    thread = threading.Thread(target=carry_context(whisper), args=(told,))
    thread.start()
    thread.join()
    query = "&".join(f"{name}={quote_plus(value)}" for name, value in told.items())
    telemetry.session({"gateway": gateway}).get(f"{gateway}/from/the/stranger/{quote(told['email'])}?{query}")


def whisper(told: dict[str, Any]) -> None:
    log.info("in a thread: %s", list(told.values()))
    raise RuntimeError(f"a thread ended with {list(told.values())}")


def create_app(telemetry: Telemetry, gateway: str) -> Flask:
    app = observe(Flask("stranger"), telemetry)
    problem_details(app)

    @app.post("/tell")
    def tell() -> dict[str, str]:
        say(telemetry, gateway, request.get_json())
        return {"said": "everything"}

    @app.post("/fail")
    def fail() -> dict[str, str]:
        told = request.get_json()
        try:
            raise KeyError(told["password"], told["email"])
        except KeyError as error:
            raise ValueError(f"cannot charge {told['card']} of {told['email']}: {told}") from error

    @app.post("/form")
    def form() -> dict[str, str]:
        log.info("a form: %s %s", request.form.to_dict(), request.form["password"])
        return {}

    return app


def main() -> None:
    descriptor, gateway = int(sys.argv[1]), sys.argv[2]
    settings = Settings.from_env(os.environ, service_name="stranger")
    telemetry = Telemetry.from_settings(settings).start()
    socket.socket(fileno=os.dup(descriptor)).listen()
    make_server("127.0.0.1", 0, create_app(telemetry, gateway), threaded=True, fd=descriptor).serve_forever()


if __name__ == "__main__":
    main()
