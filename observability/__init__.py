"""
Observability for Flask in one line: ``app = observe(Flask("billing"), telemetry)``.

This module is the whole promise; everything deeper may change. Names are loaded on first use, so that a command line
which only needs `Settings` does not import Flask and OpenTelemetry.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from observability.context import carry_context as carry_context
    from observability.metrics.decorators import FlaskMetrics as FlaskMetrics
    from observability.observer import observe as observe
    from observability.observer import observe_wsgi as observe_wsgi
    from observability.problems import STATUS as STATUS
    from observability.problems import Problem as Problem
    from observability.problems import problem_details as problem_details
    from observability.problems import problem_response as problem_response
    from observability.schema import schema as log_line_schema
    from observability.settings import SETTINGS as SETTINGS
    from observability.settings import Settings as Settings
    from observability.settings import SettingsError as SettingsError
    from observability.telemetry import Telemetry as Telemetry
    from observability.vocabulary import ATTRIBUTES as ATTRIBUTES
    from observability.vocabulary import EVENTS as EVENTS
    from observability.vocabulary import METRICS as METRICS

_HOME = {
    "ATTRIBUTES": "vocabulary",
    "EVENTS": "vocabulary",
    "FlaskMetrics": "metrics.decorators",
    "METRICS": "vocabulary",
    "Problem": "problems",
    "SETTINGS": "settings",
    "STATUS": "problems",
    "Settings": "settings",
    "SettingsError": "settings",
    "Telemetry": "telemetry",
    "carry_context": "context",
    "log_line_schema": "schema:schema",
    "observe": "observer",
    "observe_wsgi": "observer",
    "problem_details": "problems",
    "problem_response": "problems",
}

__all__ = [
    "ATTRIBUTES", "EVENTS", "METRICS", "SETTINGS", "STATUS", "FlaskMetrics", "Problem", "Settings", "SettingsError",
    "Telemetry", "carry_context", "log_line_schema", "observe", "observe_wsgi", "problem_details", "problem_response",
]


def __getattr__(name: str) -> Any:
    try:
        module, _, attribute = _HOME[name].partition(":")
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), attribute or name)
