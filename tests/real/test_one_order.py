"""One order, and the same trace found in Elasticsearch, Prometheus and Jaeger, each asked through its own API."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from tests.real.stage import Stage
from tests.support.running import LINES, SERVICES, SPANS, Answer
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def placed(stage: Stage) -> Answer:
    """An order, placed when nothing else goes on."""
    return stage.shop.order(stage.shop.buyer())


def test_its_lines_of_all_three_services_are_in_elasticsearch(stage: Stage, placed: Answer) -> None:
    def arrived() -> list[dict[str, Any]]:
        found = stage.lines(placed.trace_id)
        assert sorted((line["service"]["name"], line["event"]["action"]) for line in found) == LINES
        return found

    lines = eventually(arrived, timeout_s=20, interval_s=0.2, what="its lines of all services")
    assert [line["order"]["id"] for line in lines if "order" in line] == [placed.json["id"]]
    written = {line["event"]["id"]: line for line in stage.shop.written()}
    for line in lines:
        said = written[line["event"]["id"]]
        assert line["message"] == said["message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", said["@timestamp"])
        assert line["@timestamp"] == re.sub("000Z$", "Z", said["@timestamp"]), "as Logstash writes a whole millisecond"


def spans_of(stage: Stage, placed: Answer) -> list[Mapping[str, Any]]:
    """All spans of the order, once they are in Jaeger."""

    def arrived() -> list[Mapping[str, Any]]:
        found = stage.jaeger.trace(placed.trace_id)
        return found if len(found) == SPANS else []

    return eventually(arrived, timeout_s=20, interval_s=0.2, what=f"{SPANS} spans")


def test_its_spans_are_in_jaeger_each_below_the_one_that_caused_it(stage: Stage, placed: Answer) -> None:
    spans = spans_of(stage, placed)
    by_id = {span["spanID"]: span for span in spans}

    def path(span: Mapping[str, Any]) -> str:
        above = [by_id[reference["spanID"]] for reference in span["references"]]
        return " > ".join([*map(path, above), f"{span['service']} {span['operationName']}"])

    assert sorted(map(path, spans)) == sorted([
        "gateway POST /api/orders",
        "gateway POST /api/orders > gateway POST",
        "gateway POST /api/orders > gateway POST > order POST /orders",
        "gateway POST /api/orders > gateway POST > order POST /orders > order GET",
        "gateway POST /api/orders > gateway POST > order POST /orders > order GET > user GET /users/<user_id>",
        "gateway POST /api/orders > gateway POST > order POST /orders > order GET > user GET /users/<user_id>"
        " > user SELECT users",
        "gateway POST /api/orders > gateway POST > order POST /orders > order INSERT orders",
    ])


def test_a_trace_that_does_not_exist_is_not_found(stage: Stage) -> None:
    assert stage.jaeger.trace("f" * 32) == []


def test_prometheus_leads_from_a_bucket_to_the_trace(stage: Stage, placed: Answer) -> None:
    """The exemplar's value is in its bucket, and its span is the server span that Jaeger has."""
    selector = 'flask_http_request_duration_seconds_bucket{job="gateway",url_rule="/api/orders",method="POST"}'

    def arrived() -> list[Mapping[str, Any]]:
        now = time.time()
        found = stage.prometheus.exemplars(selector, since_s=now - 600, until_s=now + 60)
        return [exemplar for exemplar in found if exemplar["labels"]["trace_id"] == placed.trace_id]

    (exemplar,) = eventually(arrived, timeout_s=30, interval_s=0.2, what="the exemplar of the order")
    labels = exemplar["seriesLabels"]
    assert (labels["instance"], labels["status"]) == ("gateway:8080", "201")
    assert float(exemplar["value"]) <= float(labels["le"])
    (server,) = [span for span in spans_of(stage, placed) if not span["references"]]
    assert exemplar["labels"]["span_id"] == server["spanID"]
    assert float(exemplar["value"]) == pytest.approx(server["duration"] / 1e6, abs=0.001)


def test_prometheus_counts_what_the_services_log(stage: Stage, placed: Answer) -> None:
    """Each request is one line and one count, whatever became of it."""
    assert placed.status == 201
    orders = 'sum by (job) (flask_http_request_duration_seconds_count{url_rule=~"/api/orders|/orders",method="POST"})'

    def counted() -> bool:
        found = {one["metric"]["job"]: int(one["value"][1]) for one in stage.prometheus.query(orders)}
        assert found.keys() == {"gateway", "order"}
        assert found == Counter(line["service"]["name"] for line in stage.shop.written() if _is_order(line))
        return True

    eventually(counted, timeout_s=30, interval_s=0.2, what="equal counts in files and Prometheus")


def _is_order(line: Mapping[str, Any]) -> bool:
    http = line.get("http", {})
    return http.get("route") in ("/api/orders", "/orders") and http["request"]["method"] == "POST"


def test_every_target_is_scraped_under_its_name_in_compose(stage: Stage) -> None:
    wanted = {("gateway", "gateway:8080"), ("user", "user:8081"), ("order", "order:8082"), ("jaeger", "jaeger:8889")}

    def scraped() -> bool:
        found = [one["metric"] for one in stage.prometheus.query("up == 1")]
        assert {(labels["job"], labels["instance"]) for labels in found} == wanted
        return True

    eventually(scraped, timeout_s=30, interval_s=0.2, what="every target is up")


def test_prometheus_has_our_rules_and_knows_the_alertmanager(stage: Stage) -> None:
    groups = stage.prometheus.get("/api/v1/rules")["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert rules
    eventually(
        lambda: {rule["health"] for group in stage.prometheus.get("/api/v1/rules")["data"]["groups"]
                 for rule in group["rules"]} == {"ok"},
        timeout_s=60, interval_s=0.5, what="every rule has been evaluated",
    )
    known = stage.prometheus.get("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert [one["url"] for one in known] == [f"{stage.alertmanager.url}/api/v2/alerts"]


def test_an_alert_reaches_the_alertmanager(stage: Stage) -> None:
    """One of ours, not of our rules: how long those wait is promtool's to test."""
    alert = {"labels": {"alertname": "Trial", "job": "gateway", "severity": "warning"}}
    assert stage.alertmanager.ask("POST", "/api/v2/alerts", [alert]).status == 200
    eventually(
        lambda: "Trial" in {one["labels"]["alertname"] for one in stage.alertmanager.get("/api/v2/alerts")},
        what="the alert is there",
    )


def test_the_monitor_tab_has_rates_of_each_service(stage: Stage, placed: Answer) -> None:
    """Spans become metrics in Jaeger, Prometheus scrapes them, and Jaeger asks Prometheus for the tab."""
    assert placed.status == 201

    def shown(service: str) -> bool:
        stage.shop.gateway("GET", "/api/orders")
        answer = stage.jaeger.get(
            "/api/metrics/calls", service=service, endTs=str(int(time.time() * 1000)), lookback="600000",
            step="5000", ratePer="600000", quantile="0.95", spanKind="server", groupByOperation="true",
        )
        return any(point["gaugeValue"]["doubleValue"] > 0
                   for metric in answer["metrics"] for point in metric["metricPoints"] if "gaugeValue" in point)

    eventually(lambda: shown("gateway"), timeout_s=75, interval_s=1, what="a rate of gateway in the Monitor tab")

    def counted() -> bool:
        series = stage.prometheus.query('count by (service_name) (traces_span_metrics_calls_total{job="jaeger"})')
        return {one["metric"]["service_name"] for one in series} == set(SERVICES)

    eventually(counted, timeout_s=30, interval_s=0.5, what="calls of all services in Prometheus")
