"""
prometheus-flask-exporter's decorators on our instruments, and its names on our metrics.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from flask import Blueprint, Flask, request
from flask.testing import FlaskClient
from flask.views import MethodView
from prometheus_client import CollectorRegistry
from prometheus_flask_exporter import PrometheusMetrics

from observability.metrics import Metrics
from observability.metrics.decorators import DO_NOT_TRACK, FlaskMetrics
from observability.vocabulary import METRICS
from tests.observability.metrics.support import families, killed_child, make, samples, value

DEFAULTS = ("flask_http_request_duration_seconds", "flask_http_request_total", "flask_http_request_exceptions_total")


class Shop:
    def __init__(self, directory: Path, **options: Any) -> None:
        self.metrics = make(directory)
        self.app = Flask("shop")
        self.flask = FlaskMetrics(self.app, self.metrics, **options)

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_a_counter_counts_in_every_worker(shop: Shop) -> None:
    @shop.app.get("/items/<kind>")
    @shop.flask.counter(
        "items", "Items seen", labels={"kind": lambda: request.view_args["kind"], "status": lambda r: r.status_code}
    )
    def items(kind: str) -> tuple[str, int]:
        return kind, 202

    for _ in range(3):
        killed_child(lambda: shop.client.get("/items/tea"))
    shop.client.get("/items/tea")
    shop.client.get("/items/milk")

    assert value(shop.metrics, "items_total", kind="tea", status="202") == 4
    assert value(shop.metrics, "items_total", kind="milk", status="202") == 1


def test_a_histogram_measures_and_a_gauge_is_back_at_zero_after_the_view(shop: Shop) -> None:
    seen: list[float | None] = []

    @shop.app.get("/")
    @shop.flask.histogram("view_seconds", "Duration", buckets=(1, 10))
    @shop.flask.gauge("in_progress", "In progress")
    def view() -> str:
        seen.append(value(shop.metrics, "in_progress"))
        return "fine"

    shop.client.get("/")
    assert seen == [1]
    assert value(shop.metrics, "in_progress") == 0
    assert value(shop.metrics, "view_seconds_bucket", le="1.0") == 1
    assert value(shop.metrics, "view_seconds_count") == 1


def test_a_view_that_raises_is_counted_with_the_status_of_its_answer(shop: Shop) -> None:
    shop.app.testing = False

    @shop.app.get("/")
    @shop.flask.counter("answers", "Answers", labels={"status": lambda r: r.status_code})
    def view() -> str:
        raise RuntimeError("broken")

    shop.client.get("/")
    assert value(shop.metrics, "answers_total", status="500") == 1


def test_static_labels_are_exported_at_once(shop: Shop) -> None:
    @shop.flask.counter("jobs", "Jobs", labels={"queue": "mail"})
    def job() -> None: ...

    assert value(shop.metrics, "jobs_total", queue="mail") == 0


def test_default_labels_excluded_paths_and_default_decorators_work(tmp_path: Path) -> None:
    shop = Shop(tmp_path, default_labels={"app": "shop"}, excluded_paths="^/internal")

    @shop.app.get("/open")
    def opened() -> str:
        return "fine"

    @shop.app.get("/internal/x")
    def internal() -> str:
        return "fine"

    class Read(MethodView):
        def get(self) -> str:
            return "fine"

    shop.app.add_url_rule("/read", view_func=Read.as_view("read"))
    shop.flask.register_default(shop.flask.counter("all", "All", labels={"path": lambda: request.path}))
    for path in ("/open", "/open", "/internal/x", "/read"):
        assert shop.client.get(path).status_code == 200

    assert value(shop.metrics, "all_total", path="/open", app="shop") == 2
    assert value(shop.metrics, "all_total", path="/read", app="shop") == 1
    assert value(shop.metrics, "all_total", path="/internal/x", app="shop") is None


def test_an_info_is_one_however_many_workers_say_it(shop: Shop) -> None:
    shop.flask.info("app_info", "About the app", version="1.2", major=1)
    shop.flask.info("build_info", "About the build", ("commit", "dirty"), ("abc", "no"))
    shop.flask.info("plain_info", "Nothing to say")

    assert value(shop.metrics, "app_info", version="1.2", major="1") == 1
    assert value(shop.metrics, "build_info", commit="abc", dirty="no") == 1
    assert value(shop.metrics, "plain_info") == 1


@pytest.mark.parametrize("mark", ["do_not_track", "exclude_all_metrics"])
def test_what_is_not_to_be_tracked_is_marked_in_the_environ(shop: Shop, mark: str) -> None:
    """There the request's observer finds it, after Flask's own request is gone."""
    environs: list[dict[str, Any]] = []

    @shop.app.get("/quiet")
    @getattr(shop.flask, mark)()
    def quiet() -> str:
        environs.append(request.environ)
        return "fine"

    @shop.app.get("/loud")
    def loud() -> str:
        environs.append(request.environ)
        return "fine"

    assert shop.client.get("/quiet").text == shop.client.get("/loud").text == "fine"
    assert [DO_NOT_TRACK in environ for environ in environs] == [True, False]


def test_excluding_all_metrics_excludes_the_views_own(shop: Shop) -> None:
    @shop.app.get("/")
    @shop.flask.counter("hits", "Hits")
    @shop.flask.exclude_all_metrics()
    def view() -> str:
        return "fine"

    shop.client.get("/")
    assert value(shop.metrics, "hits_total") == 0


def test_a_factory_may_name_the_app_later_and_blueprints_count(tmp_path: Path) -> None:
    metrics = make(tmp_path)
    flask = FlaskMetrics.for_app_factory(metrics=metrics, default_labels={"app": "late"})
    blueprint = Blueprint("orders", __name__)

    @blueprint.get("/orders")
    @flask.counter("orders_seen", "Orders seen")
    def orders() -> str:
        return "fine"

    app = Flask("late")
    app.register_blueprint(blueprint)
    flask.init_app(app)
    app.test_client().get("/orders")
    assert value(metrics, "orders_seen_total", app="late") == 1


def test_it_registers_no_endpoint_exports_no_defaults_and_leaves_the_global_registry_alone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it read the environment: PROMETHEUS_MULTIPROC_DIR would change what is exported."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/nowhere")
    before = [metric.name for metric in prometheus_client.REGISTRY.collect()]

    @shop.app.get("/")
    @shop.flask.counter("hits", "Hits")
    def view() -> str:
        return "fine"

    shop.client.get("/")
    assert shop.client.get("/metrics").status_code == 404
    assert not [sample.name for sample in samples(shop.metrics) if sample.name.startswith("flask_")]
    assert [metric.name for metric in prometheus_client.REGISTRY.collect()] == before
    body, content_type = shop.flask.generate_metrics("application/openmetrics-text")
    assert "hits_total 1.0" in body
    assert content_type.startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda flask: flask.summary("x", "x"), "use @metrics.histogram"),
        (lambda flask: flask.export_defaults(), "observe"),
        (lambda flask: flask.register_endpoint("/metrics"), "/metrics already"),
        (lambda flask: flask.start_http_server(9000), "Scrape /metrics"),
        (lambda flask: flask.generate_metrics("", ["x"]), "metric_relabel_configs"),
        (lambda flask: flask.gauge("x", "x", multiprocess_mode="mostrecent"), "use one of all"),
        (lambda flask: flask.counter("x", "x", exemplars=True), "exemplars is not supported"),
        (lambda flask: flask.info("x", "x", ("a",), ("1",), b="2"), "not both"),
    ],
)
def test_what_is_not_supported_says_what_to_use(shop: Shop, ask: Callable[[FlaskMetrics], Any], says: str) -> None:
    with pytest.raises((NotImplementedError, ValueError), match=says):
        ask(shop.flask)


def test_the_options_of_prometheus_client_make_the_name_that_it_would_make(shop: Shop) -> None:
    registry = CollectorRegistry()
    options: dict[str, Any] = {"namespace": "shop", "subsystem": "cart", "unit": "seconds"}
    prometheus_client.Counter("waited_total", "Waited", registry=registry, **options)
    shop.flask.counter("waited_total", "Waited", **options)
    theirs = next(sample.name for metric in registry.collect() for sample in metric.samples)

    assert value(shop.metrics, theirs) == 0


def test_our_default_metrics_are_those_of_the_exporter(tmp_path: Path) -> None:
    """A live exporter with group_by="url_rule" answers one request; names, labels and helps are the vocabulary's."""
    registry = CollectorRegistry()
    app = Flask("theirs")
    buckets = METRICS[DEFAULTS[0]].buckets
    PrometheusMetrics(app, path=None, group_by="url_rule", registry=registry, buckets=buckets)

    @app.get("/items/<int:number>")
    def item(number: int) -> str:
        if number == 2:
            raise RuntimeError("broken")
        return "fine"

    app.testing = False
    for path in ("/items/1", "/items/2"):
        app.test_client().get(path)

    ours = make(tmp_path)
    _answer_like_ours(ours)
    assert _shape(families(ours)) == _shape({metric.name: metric for metric in registry.collect()})


def _answer_like_ours(metrics: Metrics) -> None:
    duration, total, exceptions = (METRICS[name] for name in DEFAULTS)
    waits = metrics.histogram(duration.name, duration.help, duration.labels, duration.buckets)
    for status in ("200", "500"):
        waits.labels(method="GET", url_rule="/items/<int:number>", status=status).observe(0.001)
        metrics.counter(total.name, total.help, total.labels).labels(method="GET", status=status).inc()
    metrics.counter(exceptions.name, exceptions.help, exceptions.labels).labels(method="GET", status="500").inc()


def _shape(families: dict[str, Any]) -> dict[str, Any]:
    """Of the default metrics: type, help, and every sample's name and labels; also the counts, but no durations."""
    return {
        name: (
            family.type,
            family.documentation,
            sorted(
                (
                    sample.name,
                    sorted(sample.labels.items()),
                    sample.value if sample.name.endswith(("_total", "_count")) else None,
                )
                for sample in family.samples
                if not sample.name.endswith("_created")
            ),
        )
        for name, family in families.items()
        if name.startswith("flask_http_")
    }
