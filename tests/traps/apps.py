"""The same small app, observed by us and set up as tutorials do it, to be served by a real server."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import uuid
from collections.abc import Callable
from logging.handlers import QueueHandler, QueueListener
from pathlib import Path

from flask import Flask
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_flask_exporter import PrometheusMetrics
from pythonjsonlogger.json import JsonFormatter

from observability import Settings, Telemetry, observe
from tests.support.waiting import eventually
from tests.traps.otlp_exporter import OtlpExporter


def ours(folder: Path, collector: str) -> Flask:
    settings = Settings(service_name="shop", metrics_dir=folder / "metrics", otlp_endpoint=collector)
    app = observe(Flask("shop"), Telemetry.from_settings(settings).start())
    return fill(app, folder, app.logger.info)


def tutorial(folder: Path, collector: str) -> Flask:
    instance = str(uuid.uuid4())
    provider = TracerProvider(
        resource=Resource.create({"service.name": "shop", "service.instance.id": instance}), shutdown_on_exit=True
    )
    provider.add_span_processor(BatchSpanProcessor(OtlpExporter(collector)))
    trace.set_tracer_provider(provider)

    handler = logging.StreamHandler(sys.stdout)
    form = "%(asctime)s %(levelname)s %(name)s %(message)s %(process)d"
    handler.setFormatter(JsonFormatter(form, static_fields={"instance": instance}))
    app = Flask("shop")
    app.logger.addHandler(handler)
    app.logger.setLevel("INFO")

    # "Dealing with handlers that block", Python's logging cookbook
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    QueueListener(waiting, handler).start()
    background = logging.getLogger("background")
    background.addHandler(QueueHandler(waiting))
    background.setLevel("INFO")

    FlaskInstrumentor().instrument_app(app)  # type: ignore[no-untyped-call]
    PrometheusMetrics(app)
    return fill(app, folder, background.info)


def fill(app: Flask, folder: Path, say_later: Callable[[str], None]) -> Flask:
    """
    ``/meet/1`` answers when ``/meet/2`` is being asked too, so there must be two workers. Each says so in two lines,
    one of them in the way that does not block.
    """

    @app.get("/ok")
    def ok() -> str:
        return "ok"

    @app.get("/last")
    def last() -> str:
        return "ok"

    @app.get("/meet/<int:n>")
    def meet(n: int) -> str:
        (folder / f"met-{n}").touch()
        eventually(lambda: all((folder / f"met-{each}").exists() for each in (1, 2)), interval_s=0.005)
        app.logger.info("met in %d", os.getpid())
        say_later(f"said later in {os.getpid()}")
        return str(os.getpid())

    @app.get("/thread")
    def thread() -> str:
        def fail() -> None:
            raise RuntimeError("nobody waits for this thread")

        other = threading.Thread(target=fail)
        other.start()
        other.join()
        return "ok"

    return app
