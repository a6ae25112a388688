"""
An instrumentation that is given everything explicitly: ``python -m tests.traps.explicit ours|tutorial``.

Prints what it said about one request, ids and times left out, as one JSON document. It is run in an environment that
says nothing, and again in one that says something else about everything.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import requests
from flask import Flask
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_flask_exporter import PrometheusMetrics

from observability import Settings, Telemetry, observe
from tests.support.collector import Collector
from tests.support.wsgi_transport import Answering, route
from tests.traps.otlp_exporter import OtlpExporter
from tests.traps.scenes import OPENMETRICS

CALLER = f"00-{'a' * 32}-{'b' * 16}-01"


class App:
    """
    Its one view starts a span with ten attributes and two events, and calls a peer.
    """

    def __init__(self, calling: requests.Session) -> None:
        self.flask = Flask("shop")
        self.headers: dict[str, str] = {}
        self._peer = Answering(b"{}")
        self._calling = route(calling, {"peer": self._peer})

    def propagate(self) -> None:
        """Nothing to do where the session does it."""

    def fill(self) -> Flask:
        @self.flask.get("/job")
        def job() -> str:
            with trace.get_tracer("shop").start_as_current_span("inner") as span:
                for number in range(10):
                    span.set_attribute(f"attribute {number}", "x" * 50)
                span.add_event("first")
                span.add_event("second")
                self.propagate()
                self._calling.get("http://peer/", headers=self.headers, timeout=1)
            logging.getLogger("shop").info("said")
            return "ok"

        return self.flask

    def calls(self) -> list[str]:
        """The trace that each call to the peer names; empty if none."""
        return [asked.get("HTTP_TRACEPARENT", "")[3:35] for asked in self._peer.asked]


class Propagating(App):
    def propagate(self) -> None:
        propagate.inject(self.headers)


class Listening(Collector):
    """Keeps whose spans it got, too."""

    def __init__(self) -> None:
        super().__init__()
        self.resources: list[dict[str, str]] = []

    def keep(self, body: bytes) -> None:
        super().keep(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {a.key: a.value.string_value for a in resource.resource.attributes}
            assert len(told.pop("service.instance.id")) == 36
            if told not in self.resources:
                self.resources.append(told)


def ours(url: str) -> dict[str, Any]:
    lines: list[bytes] = []
    settings = Settings(service_name="shop", otlp_endpoint=url, resource_attributes=(("team", "checkout"),))
    telemetry = Telemetry(settings, line_sink=lambda line: not lines.append(line)).start()
    app = App(telemetry.session({"peer": "http://peer"}))
    observe(app.flask, telemetry)
    said = ask(app)
    telemetry.stop()
    return said | {"lines": [json.loads(line)["message"].partition(" in ")[0] for line in lines]}


def tutorial(url: str) -> dict[str, Any]:
    provider = TracerProvider(resource=Resource.create({"service.name": "shop", "team": "checkout"}))
    provider.add_span_processor(BatchSpanProcessor(OtlpExporter(url)))
    trace.set_tracer_provider(provider)
    app = Propagating(requests.Session())
    FlaskInstrumentor().instrument_app(app.flask)  # type: ignore[no-untyped-call]
    PrometheusMetrics(app.flask)
    said = ask(app)
    provider.shutdown()
    return said


def ask(app: App) -> dict[str, Any]:
    client = app.fill().test_client()
    status = client.get("/job", headers={"traceparent": CALLER}).status_code
    families = text_string_to_metric_families(client.get("/metrics", headers={"Accept": OPENMETRICS}).text)
    counts = [s for family in families for s in family.samples if s.name == "flask_http_request_duration_seconds_count"]
    return {"status": status, "calls": app.calls(), "counts": [(sorted(s.labels.values()), s.value) for s in counts]}


def received(collector: Listening) -> list[dict[str, Any]]:
    return [
        {
            "name": span.name, "in the caller's trace": span.trace_id.hex() in CALLER, "events": len(span.events),
            "attributes": sorted((a.key, str(a.value)) for a in span.attributes if a.key != "clew.request_id"),
        }
        for span in sorted(collector.spans, key=lambda span: span.name)
    ]


if __name__ == "__main__":
    with Listening() as collector:
        said = {"ours": ours, "tutorial": tutorial}[sys.argv[1]](collector.url)
        said |= {"spans": received(collector), "resources": collector.resources}
    print(json.dumps(said, sort_keys=True))
