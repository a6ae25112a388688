"""
The setting INSTRUMENTATION=flask_instrumentor: OpenTelemetry's own FlaskInstrumentor makes the server spans; samples
and lines take their ids over. It sees less than `RequestRecord` does (docs/traps.md) and is there to compare with.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Flask
from flask import request as flask_request
from opentelemetry import context as otel
from opentelemetry import trace
from opentelemetry.instrumentation import _semconv
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.metrics import NoOpMeterProvider

from observability.context import ACTIVE, ENVIRON
from observability.provider import FixedProvider

if TYPE_CHECKING:
    from observability.active import ActiveRequest
    from observability.telemetry import Telemetry


def instrument(app: Flask, telemetry: Telemetry, quiet: frozenset[str]) -> None:
    """
    Stable semantic conventions, no spans for *quiet* paths; what the instrumentor would read from the environment is
    given to it.
    """
    modes = _semconv._OpenTelemetrySemanticConventionStability
    http = _semconv._OpenTelemetryStabilitySignalType.HTTP
    modes._initialize()  # type: ignore[no-untyped-call]
    before = modes._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING[http]
    modes._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING[http] = _semconv._StabilityMode.HTTP
    try:
        FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
            app,
            tracer_provider=FixedProvider(telemetry),
            meter_provider=NoOpMeterProvider(),
            excluded_urls=",".join(rf"^\w+://[^/]*{re.escape(path)}(\?|$)" for path in sorted(quiet)),
        )
    finally:
        modes._OTEL_SEMCONV_STABILITY_SIGNAL_MAPPING[http] = before
    app.before_request(_adopt)


def _adopt() -> None:
    """
    The instrumentor begins a context of its own, in which nobody knows the request that is being answered. The frame
    around the app restores the context when the request ends.
    """
    active: ActiveRequest | None = flask_request.environ.get(ENVIRON)
    if active is not None:
        active.adopt(trace.get_current_span())
        otel.attach(otel.set_value(ACTIVE, active))
