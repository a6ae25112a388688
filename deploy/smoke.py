"""
The journey through `docker compose up`: one order through the gateway, then the same trace id asked for everywhere.

    python -m deploy.smoke [--patience SECONDS]

What only upstream images can show is shown here: Logstash reading the services' files, the life cycle on an index, the
objects in Kibana, Grafana's data sources, Jaeger's Monitor tab. Exit code 0 when every check passed, else 1.
"""

from __future__ import annotations

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

from clew.journey import Journey, JourneyError, travel
from deploy.env import ROOT, values

Result = TypeVar("Result")
SERVICES = {"gateway", "user", "order"}


class NotYet(Exception):
    """What is missing."""


class Stack:
    """
    The published ports of docker-compose.yml, asked as .env says.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._env[f'{name}_PORT']}"

    def get(self, name: str, path: str) -> Any:
        """
        The JSON of an answer.

        :raises NotYet: it is no JSON, or not 2xx, or there is none.
        """
        headers = {"Accept": "application/json"}
        users = {"ELASTICSEARCH": "elastic", "KIBANA": "elastic", "GRAFANA": "admin"}
        if name in users:
            password = self._env["GRAFANA_ADMIN_PASSWORD" if name == "GRAFANA" else "ELASTIC_PASSWORD"]
            headers["Authorization"] = "Basic " + base64.b64encode(f"{users[name]}:{password}".encode()).decode()
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.url(name) + path, headers=headers), timeout=10
            ) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise NotYet(f"{name.lower()}{path} answered {error.code}: {error.read(300)!r}") from None
        except (OSError, ValueError) as error:
            raise NotYet(f"{name.lower()}{path}: {error}") from None


def journey(stack: Stack) -> Journey:
    try:
        return travel(stack.url("GATEWAY"))
    except JourneyError as error:
        raise NotYet(str(error)) from None


def lines_in_elasticsearch(stack: Stack, made: Journey) -> None:
    query = urlencode({"q": f'trace.id:"{made.trace_id}"', "size": 100})
    found = stack.get("ELASTICSEARCH", f"/clew-logs-*/_search?{query}")["hits"]["hits"]
    services = {hit["_source"]["service"]["name"] for hit in found}
    expect(services == SERVICES, f"lines of {sorted(services)} in Elasticsearch")
    orders = {hit["_source"].get("order", {}).get("id") for hit in found}
    expect(made.order_id in orders, f"the order {made.order_id} is in no line")
    expect(all(hit["_id"] == hit["_source"]["event"]["id"] for hit in found), "a document's id is not its event.id")


def life_cycle_of_each_index(stack: Stack, made: Journey) -> None:
    for pattern in ("clew-logs-*", "clew-jaeger-*"):
        indices = stack.get("ELASTICSEARCH", f"/{pattern}/_ilm/explain")["indices"]
        expect(bool(indices), f"there is no {pattern}")
        for name, state in indices.items():
            managed = state.get("managed") and state.get("policy") == "clew-logs"
            expect(bool(managed) and state.get("step") != "ERROR", f"{name} has the life cycle {state}")


def spans_in_jaeger(stack: Stack, made: Journey) -> None:
    (trace,) = stack.get("JAEGER", f"/api/traces/{made.trace_id}")["data"]
    services = {process["serviceName"] for process in trace["processes"].values()}
    expect(services == SERVICES, f"spans of {sorted(services)} in Jaeger")


def monitor_tab_of_jaeger(stack: Stack, made: Journey) -> None:
    asked = urlencode({"service": "gateway", "lookback": 3_600_000, "step": 60_000, "spanKind": "server"})
    expect(bool(stack.get("JAEGER", f"/api/metrics/calls?{asked}")["metrics"]), "no calls of the gateway in Jaeger")


def exemplar_in_prometheus(stack: Stack, made: Journey) -> None:
    now = time.time()
    asked = urlencode({
        "query": 'flask_http_request_duration_seconds_bucket{job="gateway"}', "start": now - 3600, "end": now + 60,
    })
    series = stack.get("PROMETHEUS", f"/api/v1/query_exemplars?{asked}")["data"]
    traces = {exemplar["labels"].get("trace_id") for one in series for exemplar in one["exemplars"]}
    expect(made.trace_id in traces, "the trace is no exemplar in Prometheus")


def targets_and_alertmanager_of_prometheus(stack: Stack, made: Journey) -> None:
    targets = stack.get("PROMETHEUS", "/api/v1/targets?state=active")["data"]["activeTargets"]
    down = [target["labels"]["job"] for target in targets if target["health"] != "up"]
    expect(len(targets) > len(SERVICES) - 1 and not down, f"{len(targets)} targets, down: {down}")
    expect(bool(stack.get("PROMETHEUS", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]), "no Alertmanager")
    rules = [rule for group in stack.get("PROMETHEUS", "/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
    expect(bool(rules) and all(rule["health"] == "ok" for rule in rules), f"{len(rules)} rules, not all of them well")


def data_view_in_kibana(stack: Stack, made: Journey) -> None:
    """kibana-setup ends with 0 only when Kibana took every object; the view is what all others stand on."""
    view = stack.get("KIBANA", "/api/data_views/data_view/clew-logs")["data_view"]
    expect(view["title"] == "clew-logs-*", f"Kibana's data view clew-logs is {view['title']}")


def data_sources_and_dashboard_in_grafana(stack: Stack, made: Journey) -> None:
    for uid in ("prometheus", "jaeger", "elasticsearch"):
        health = stack.get("GRAFANA", f"/api/datasources/uid/{quote(uid)}/health")
        expect(health.get("status") == "OK", f"Grafana says of {uid}: {health}")
    stack.get("GRAFANA", "/api/dashboards/uid/clew-overview")


Check = Callable[[Stack, Journey], None]
CHECKS: tuple[Check, ...] = (
    lines_in_elasticsearch, spans_in_jaeger, exemplar_in_prometheus, targets_and_alertmanager_of_prometheus,
    life_cycle_of_each_index, data_view_in_kibana, data_sources_and_dashboard_in_grafana, monitor_tab_of_jaeger,
)


def expect(true: bool, otherwise: str) -> None:
    if not true:
        raise NotYet(otherwise)


def within(patience_s: float, check: Callable[[], Result]) -> Result:
    """
    What *check* returns as soon as it does.

    :raises NotYet: what was missing last, after *patience_s* seconds.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return check()
        except NotYet:
            if time.monotonic() > deadline:
                raise
        except (KeyError, TypeError, ValueError) as error:
            if time.monotonic() > deadline:
                raise NotYet(f"an answer of another form: {error!r}") from error
        time.sleep(1)


def main(arguments: list[str], env_file: Path = ROOT / ".env") -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.smoke", description="One order, followed through compose.")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds for each check (default 300)")
    patience_s = parser.parse_args(arguments).patience
    if not env_file.exists():
        print("There is no .env. Run `make env` and `docker compose up --detach` first.", file=sys.stderr)
        return 1
    stack = Stack(values(env_file.read_text("utf-8")))
    try:
        made = within(patience_s, lambda: journey(stack))
        print(f"order {made.order_id}, trace {made.trace_id}")
    except NotYet as why:
        print(f"No journey: {why}. See docker compose ps.", file=sys.stderr)
        return 1
    failed = 0
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        try:
            within(patience_s, lambda check=check: check(stack, made))  # type: ignore[misc]
            print(f"ok    {name}")
        except NotYet as why:
            failed += 1
            print(f"FAIL  {name}: {why}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
