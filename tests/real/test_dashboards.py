"""
What Grafana and Kibana would ask, asked of the real Prometheus and Elasticsearch: each query of the dashboards, of the
data sources' links and of the saved searches has an answer.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.configs import signals
from tests.configs.files import DATASOURCES, Files
from tests.configs.promql import plain
from tests.real.stage import Stage
from tests.support.running import SERVICES, Answer
from tests.support.waiting import eventually

FILES = Files()
ONLY_IN_TROUBLE = ("flask_http_request_exceptions_total", "telemetry_dropped_total", "circuit_breaker_open", '"5.."')
"""Series that are made when something goes wrong for the first time; until then a panel says "No data"."""

QUERIES = [(place, expr) for place, expr, _ in signals.queries(FILES) if place.startswith(("dashboards/", DATASOURCES))]
LUCENE = [(place, text) for place, text in signals.texts(FILES) if place.startswith(("dashboards/", DATASOURCES))]


def filled(text: str, **values: str) -> str:
    """As Grafana fills a query in when all services and all routes are chosen."""
    for name, value in values.items():
        text = text.replace("${" + name + "}", value)
    return plain(text).replace("$service", ".*").replace("$route", ".*").replace("$$", "$")


@pytest.fixture(scope="module")
def busy(stage: Stage) -> Answer:
    """A little of everything, twice, so that there are rates; the last order."""
    for _ in range(2):
        buyer = stage.shop.buyer()
        placed = stage.shop.order(buyer)
        stage.shop.gateway("GET", f"/api/orders/{placed.json['id']}")
        eventually(
            lambda: stage.prometheus.value("sum(orders_total)") > 0, timeout_s=30, interval_s=0.5, what="orders counted"
        )
    return placed


@pytest.mark.parametrize(("place", "expression"), QUERIES, ids=lambda text: text[:60])
def test_a_query_of_grafana_has_an_answer(stage: Stage, busy: Answer, place: str, expression: str) -> None:
    def answered() -> bool:
        found = stage.prometheus.query(filled(expression))
        return bool(found) or any(name in expression for name in ONLY_IN_TROUBLE)

    assert busy.status == 201
    eventually(answered, timeout_s=30, interval_s=0.5, what=f"an answer for {place}")


def test_the_diamonds_of_the_latency_panel_are_there(stage: Stage, busy: Answer) -> None:
    """Grafana asks for the exemplars of the panel's own query."""
    (target,) = [
        target for dashboard in FILES.dashboards().values() for panel in dashboard["panels"]
        for target in panel["targets"] if target.get("exemplar") and "flask" in target["expr"]
    ]

    def shown() -> bool:
        now = time.time()
        found = stage.prometheus.exemplars(filled(target["expr"]), since_s=now - 600, until_s=now + 60)
        return busy.trace_id in {exemplar["labels"]["trace_id"] for exemplar in found}

    eventually(shown, timeout_s=30, interval_s=0.5, what="the order's exemplar")


def search(stage: Stage, query: dict[str, Any], **account: str) -> list[dict[str, Any]]:
    answer = stage.elasticsearch.ask("POST", "/clew-logs-*/_search", {"query": query, "size": 200}, **account)
    assert answer.status == 200, answer
    return [hit["_source"] for hit in answer.json["hits"]["hits"]]


@pytest.mark.parametrize(("place", "text"), LUCENE, ids=lambda text: text[:60])
def test_a_log_query_of_grafana_is_answered_to_its_account(stage: Stage, busy: Answer, place: str, text: str) -> None:
    """Lucene, with the rights of clew_grafana; one that asks for a trace gets the lines of all three services."""
    lucene = filled(
        text.replace("$$", "$"), **{"__trace.traceId": busy.trace_id, "__field.labels.job": "order"}
    ).replace("service.name:.*", "service.name:*")
    account = {"user": "clew_grafana", "password": stage.passwords["GRAFANA_ES_PASSWORD"]}

    def found() -> bool:
        lines = search(stage, {"query_string": {"query": lucene}}, **account)
        if "trace.id" in text:
            return {line["service"]["name"] for line in lines} == set(SERVICES)
        return bool(lines) or "log.level" in text

    eventually(found, timeout_s=30, interval_s=0.5, what=f"lines for {place}")


@pytest.mark.parametrize("ident", sorted(ident for kind, ident in FILES.kibana() if kind == "search"))
def test_a_saved_search_of_kibana_is_understood(stage: Stage, busy: Answer, ident: str) -> None:
    """
    Its fields, types and order. KQL is Kibana's; these four mean the same in Lucene once the words are in capitals.
    Nothing went wrong, so there may be no errors and nothing slow.
    """
    attributes = FILES.kibana()["search", ident]["attributes"]
    kql = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["query"]["query"]
    lucene = kql.replace("trace.id: *", f"trace.id: {busy.trace_id}").replace(" and ", " AND ").replace(" or ", " OR ")
    lucene = lucene.replace(" >= ", ":>=")
    body = {"query": {"query_string": {"query": lucene}}, "sort": [{name: order} for name, order in attributes["sort"]]}

    def found() -> bool:
        answer = stage.elasticsearch.ask("POST", "/clew-logs-*/_search", body)
        assert answer.status == 200, answer
        return bool(answer.json["hits"]["hits"]) or ident in ("clew-errors", "clew-slow")

    eventually(found, timeout_s=30, interval_s=0.5, what=f"an answer to {ident}")
