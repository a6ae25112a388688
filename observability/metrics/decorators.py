"""
prometheus-flask-exporter's decorators on our instruments.

``@metrics.counter(...)`` and its siblings keep their meaning; what they count is right for any number of workers. The
exporter's other half (default metrics, an endpoint) is what `observe` does already, so asking for that is an error.
"""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, NoReturn, TypeVar

import prometheus_client
from flask import Flask, current_app, request
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics

from observability.context import DO_NOT_TRACK
from observability.metrics.exposition import exposition
from observability.metrics.instruments import Counter, Gauge, Histogram
from observability.metrics.names import family_name
from observability.metrics.registry import Metrics

_MERGES = {"all": "sum", "liveall": "sum", "sum": "sum", "livesum": "sum", "max": "max", "livemax": "max"}

View = TypeVar("View", bound=Callable[..., Any])


class FlaskMetrics(PrometheusMetrics):  # type: ignore[misc]  # the exporter has no types
    """
    The exporter's object for an app that is observed: ``metrics = FlaskMetrics(app, telemetry.metrics)``.

    It registers no endpoint, exports no defaults and reads no environment. Supported: ``counter``, ``gauge``,
    ``histogram``, ``info``, ``do_not_track``, ``exclude_all_metrics``, ``register_default``, ``generate_metrics``; the
    arguments ``default_labels``, ``excluded_paths``, ``exclude_user_defaults`` and ``response_converter``.
    """

    def __init__(
        self,
        app: Flask | None,
        metrics: Metrics,
        *,
        default_labels: dict[str, Any] | None = None,
        excluded_paths: str | Sequence[str] | None = None,
        exclude_user_defaults: bool = True,
        response_converter: Callable[..., Any] | None = None,
    ) -> None:
        self._metrics = metrics
        super().__init__(
            app,
            path=None,
            export_defaults=False,
            default_labels=default_labels,
            excluded_paths=excluded_paths,
            exclude_user_defaults=exclude_user_defaults,
            response_converter=response_converter,
            registry=CollectorRegistry(),  # stays empty; without one the exporter takes the process-wide registry
        )

    @classmethod
    def for_app_factory(cls, *, metrics: Metrics, **options: Any) -> FlaskMetrics:
        """
        One without an app; call ``init_app(app)`` later.
        """
        return cls(None, metrics, **options)

    def init_app(self, app: Flask) -> None:
        self.app = app

    @staticmethod
    def do_not_track() -> Callable[[View], View]:
        """
        Leave this view's requests out of the default metrics; decorators of its own still count.
        """
        return _marking("prom_do_not_track")

    @staticmethod
    def exclude_all_metrics() -> Callable[[View], View]:
        """
        Leave this view's requests out of all metrics.
        """
        return _marking("prom_exclude_all")

    def info(
        self,
        name: str,
        description: str,
        labelnames: Sequence[str] | None = None,
        labelvalues: Sequence[object] | None = None,
        **labels: object,
    ) -> Any:
        """
        A gauge that is 1, whose labels carry the information. Returns its series.
        """
        if labels and labelnames:
            raise ValueError("Give the labels of an info as names and values, or as keyword arguments, not both.")
        if labelnames:
            labels = dict(zip(labelnames, labelvalues or (), strict=True))
        gauge = self._metrics.gauge(name, description, tuple(labels), merge="max")
        series = gauge.labels(**labels) if labels else gauge
        series.set(1)
        return series

    def generate_metrics(self, accept_header: str | None = None, names: Sequence[str] | None = None) -> tuple[str, str]:
        """
        What a scrape gets, as text, and its content type.
        """
        if names:
            raise NotImplementedError("Metrics cannot be picked by name: drop others by metric_relabel_configs.")
        body, content_type = exposition(self._metrics, accept_header or "")
        return body.decode("utf-8"), content_type

    def summary(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("There is no summary: use @metrics.histogram, whose workers can be added up.")

    def export_defaults(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("The default metrics are exported already: observe(app, telemetry) does it.")

    def register_endpoint(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("Metrics are served at /metrics already: observe(app, telemetry) does it.")

    def start_http_server(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError("Scrape /metrics of the app, or serve observability.metrics.exposition yourself.")

    def _track(self, metric_type: ABCMeta, *args: Any, **kwargs: Any) -> Any:
        """Where all decorators of the exporter end: it makes the metric by calling *metric_type*."""
        make = {
            prometheus_client.Counter: self._counter,
            prometheus_client.Gauge: self._gauge,
            prometheus_client.Histogram: self._histogram,
        }[metric_type]
        return super()._track(make, *args, **kwargs)

    def _counter(self, name: str, description: str, *, labelnames: Sequence[str], **options: Any) -> Counter:
        full = _full_name("counter", name, options)
        return self._metrics.counter(full, description, tuple(labelnames))

    def _gauge(self, name: str, description: str, *, labelnames: Sequence[str], **options: Any) -> Gauge:
        mode = options.pop("multiprocess_mode", "all")
        if mode not in _MERGES:
            raise ValueError(f"{name}: multiprocess_mode {mode!r} cannot be had; use one of {', '.join(_MERGES)}.")
        full = _full_name("gauge", name, options)
        return self._metrics.gauge(full, description, tuple(labelnames), merge=_MERGES[mode])

    def _histogram(self, name: str, description: str, *, labelnames: Sequence[str], **options: Any) -> Histogram:
        buckets = options.pop("buckets", prometheus_client.Histogram.DEFAULT_BUCKETS)
        full = _full_name("histogram", name, options)
        return self._metrics.histogram(full, description, tuple(labelnames), buckets)


def _full_name(kind: str, name: str, options: dict[str, Any]) -> str:
    """The name that prometheus_client would export, from the options that it takes."""
    options.pop("registry", None)
    parts = [options.pop("namespace", ""), options.pop("subsystem", ""), family_name(kind, name)]
    unit = options.pop("unit", "")
    if unit and not name.endswith(f"_{unit}"):
        parts.append(unit)
    if options:
        raise ValueError(f"{name}: the option {next(iter(options))} is not supported here; leave it out.")
    return "_".join(part for part in parts if part)


def _marking(mark: str) -> Callable[[View], View]:
    def decorator(view: View) -> View:
        @wraps(view)
        def marked(*args: Any, **kwargs: Any) -> Any:
            setattr(request, mark, True)
            request.environ[DO_NOT_TRACK] = True
            return current_app.ensure_sync(view)(*args, **kwargs)

        return marked  # type: ignore[return-value]

    return decorator
