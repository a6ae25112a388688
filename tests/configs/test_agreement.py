"""
The configuration files agree with each other and with the code: no name, port, variable, metric, label, field, index or
id is on one side only. Each rule is shown to bite by a small mistake in one of the files.
"""

from __future__ import annotations

import pytest
from flask import Flask

from observability import observe
from observability.testing import capture
from tests.configs import alerting, known, signals, wiring
from tests.configs.files import (
    ALERTMANAGER,
    COMPOSE,
    DATASOURCES,
    ENV,
    JAEGER,
    JAEGER_UI,
    LOGSTASH,
    PROMETHEUS,
    PROVIDERS,
    TEMPLATE,
    Files,
    complaints,
)

CHECKS = (*wiring.CHECKS, *signals.CHECKS, *alerting.CHECKS)
RULES = "alerts/services.rules.yml"
RULE_TESTS = "alerts/services.test.yml"
OVERVIEW = "dashboards/grafana/overview.json"
KIBANA = "dashboards/kibana/clew.ndjson"
GRAFANA_ROLE = "deploy/elasticsearch/roles/clew_grafana.json"
RUNBOOK = "docs/guides/runbook.md"


def test_all_files_agree() -> None:
    assert list(complaints(Files(), CHECKS)) == []


def test_an_exemplar_carries_the_label_that_grafana_looks_for() -> None:
    with capture() as seen:
        observe(app := Flask("billing"), seen.telemetry)
        app.test_client().get("/")
        exemplars = [sample.exemplar for sample in seen.samples if sample.exemplar]

    assert [known.EXEMPLAR_LABEL in exemplar.labels for exemplar in exemplars] == [True]


MISTAKES = [
    # (file, what stands there, the slip, part of the complaint)
    (COMPOSE, "${GRAFANA_PORT", "${GRAFNA_PORT", "GRAFNA_PORT, which is not in .env.example"),
    (COMPOSE, "\n  jaeger:\n", "\n  jeager:\n", "there is no service jaeger"),
    (COMPOSE, 'ORDER_PORT: "8082"', 'ORDER_PORT: "8083"', "order:8082: order does not listen there"),
    (COMPOSE, "}:16686", "}:16687", "jaeger publishes 16687, where nothing of it listens"),
    (COMPOSE, "}:9090", "}:9091", "prometheus publishes 9091, where nothing of it listens"),
    (COMPOSE, '"127.0.0.1:${KIBANA_PORT', '"${KIBANA_PORT', "not 127.0.0.1:"),
    (COMPOSE, "image: ${POSTGRES_IMAGE", "image: postgres:${POSTGRES_IMAGE", "not a variable"),
    (COMPOSE, "USER_URL: http://user:8081", "USER_ULR: http://user:8081", "USER_ULR, which is no setting"),
    (COMPOSE, "http://jaeger:4318", "http://jaeger:4319", "jaeger does not listen there"),
    (COMPOSE, "@postgres:5432/clew_user", "@postgre:5432/clew_user", "there is no service postgre"),
    (COMPOSE, "      JAEGER_PASSWORD: ${JAEGER_PASSWORD:?run make env}\n      # The", "      # The",
     "jaeger reads JAEGER_PASSWORD"),
    (COMPOSE, "      - --enable-feature=exemplar-storage\n", "", "does not keep exemplars"),
    (COMPOSE, "      - ./alerts:/etc/prometheus/alerts:ro\n", "", "mounts nothing at /etc/prometheus/alerts"),
    (COMPOSE, "./deploy/jaeger-ui.json:/etc/jaeger/jaeger-ui.json", "./deploy/jaeger-ui.json:/etc/jaeger/ui.json",
     "deploy/jaeger-ui.json is not mounted"),
    (COMPOSE, ":/var/lib/grafana/dashboards", ":/dashboards", "where nothing is mounted"),
    (COMPOSE, "clew_logstash:$", "clew_logtash:$", "logstash is clew_logtash, which has no role"),
    (ENV, "JAEGER_PORT=16686", "JAEGER_UI_PORT=16686", "JAEGER_UI_PORT, which docker-compose.yml does not use"),
    (ENV, "KIBANA_PORT=5601", "KIBANA_PORT=5602", "/app/discover is at 127.0.0.1:5602"),
    (PROMETHEUS, "targets: [gateway:8080]", "targets: [gateway:8081]", "gateway does not listen there"),
    (PROMETHEUS, "job_name: user", "job_name: users", "no job for the service user"),
    (PROMETHEUS, "[jaeger:8889]", "[jaeger:8888]", "span metrics are at jaeger:8889"),
    (PROMETHEUS, "[alertmanager:9093]", "[alertmanager:9094]", "alertmanager does not listen there"),
    (PROMETHEUS, "alerts/*.rules.yml", "rules/*.yml", "there is none"),
    (PROMETHEUS, "scrape_interval: 5s", "scrape_interval: 15s", "timeInterval is not scrape_interval"),
    (LOGSTASH, '"clew-logs" }', '"clew-log" }', "no template is for clew-log-*"),
    (LOGSTASH, "+YYYY.MM.dd", "+YYYY.MM", "not to one index per day"),
    (LOGSTASH, "${LOG_DIR}", "${LOGS_DIR}", "logstash reads LOGS_DIR"),
    (LOGSTASH, "http://elasticsearch:9200}", "http://elastic:9200}", "there is no service elastic"),
    (TEMPLATE, '"order": {', '"orders": {', "maps orders.id, which no line has"),
    (TEMPLATE, "clew-logs-*", "clew-lines-*", "no template is for clew-logs-*"),
    (GRAFANA_ROLE, "clew-logs-*", "clew-log-*", "the role clew_grafana is for"),
    (JAEGER, "0.0.0.0:8889", "0.0.0.0:8890", "span metrics are at jaeger:8890"),
    (JAEGER, "${env:JAEGER_PASSWORD}", "${env:ES_PASSWORD}", "jaeger reads ES_PASSWORD"),
    (JAEGER, "username: clew_jaeger", "username: jaeger", "jaeger is jaeger, which has no role"),
    (JAEGER, "index_prefix: clew-jaeger", "index_prefix: clew-spans", "the role clew_jaeger is for"),
    (JAEGER, "http://prometheus:9090", "http://prometheus:9091", "prometheus does not listen there"),
    (JAEGER, "metrics: rates", "metrics: rate", "the Monitor tab names the storage rate"),
    (JAEGER, "trace_storage: spans", "trace_storage: traces", "the exporter names the storage traces"),
    (JAEGER_UI, "127.0.0.1:5601", "127.0.0.1:5600", "not at 127.0.0.1:5600"),
    (JAEGER_UI, "dataViewId:clew-logs", "dataViewId:clew", "Kibana has no clew"),
    (JAEGER_UI, "trace.id:%22", "traceId:%22", "no log line has the field traceId"),
    (JAEGER_UI, "#{traceID}", "#{traceId}", "Jaeger has no traceId"),
    (JAEGER_UI, '"key": "http.route"', '"key": "http.rout"', "Jaeger has no http.rout"),
    (JAEGER_UI, "/d/clew-overview?var-route", "/d/overview?var-route", "there is no dashboard overview"),
    (JAEGER_UI, "var-route=", "var-rule=", "has no variable rule"),
    (DATASOURCES, "- name: trace_id", "- name: traceID", "Grafana looks for traceID"),
    (DATASOURCES, "datasourceUid: elasticsearch", "datasourceUid: loki", "names loki, which is no provisioned"),
    (DATASOURCES, "uid: prometheus\n    type", "uid: prom\n    type", "names prometheus, which is no provisioned"),
    (DATASOURCES, "http://jaeger:16686", "http://jaeger:16687", "jaeger does not listen there"),
    (DATASOURCES, "$GRAFANA_ES_PASSWORD", "$GRAFANA_PASSWORD", "grafana reads GRAFANA_PASSWORD"),
    (DATASOURCES, "index: clew-logs-*", "index: logs-*", "Grafana reads logs-*"),
    (DATASOURCES, "logLevelField: log.level", "logLevelField: level", "no log line has the field level"),
    (DATASOURCES, "- field: trace.id", "- field: traceid", "no log line has the field traceid"),
    (DATASOURCES, "key: peer.service", "key: peer.name", "no span has the attribute peer.name"),
    (DATASOURCES, "value: url_rule", "value: route", "no series has the label route"),
    (DATASOURCES, "basicAuthUser: clew_grafana", "basicAuthUser: elastic", "grafana is elastic, which has no role"),
    (DATASOURCES, "flask_http_request_duration_seconds_count", "flask_s_count", "there is no metric flask_s_count"),
    (PROVIDERS, "path: /var/lib/grafana/dashboards", "path: /dashboards", "where nothing is mounted"),
    (OVERVIEW, "rate(orders_total[", "rate(order_total[", "there is no metric order_total"),
    (OVERVIEW, "by (outcome) (rate(orders", "by (status) (rate(orders", "has the label status"),
    (OVERVIEW, "{{outcome}}", "{{result}}", "the result has no label result"),
    (OVERVIEW, "logins_total", "orders_total", "no rule and no dashboard shows logins_total"),
    (OVERVIEW, 'url_rule=~\\"$route\\"', 'route=~\\"$route\\"', "has no label route"),
    (OVERVIEW, '"uid": "elasticsearch"', '"uid": "elastic"', "names elastic, which is no provisioned"),
    (OVERVIEW, "log.level:(error OR critical)", "log.level:(error OR fatal)", "there is no level fatal"),
    (OVERVIEW, "service.name:${__field", "service:${__field", "no log line has the field service"),
    (OVERVIEW, '"uid": "clew-overview"', '"uid": "overview"', "there is no dashboard clew-overview"),
    (OVERVIEW, "rate(flask_http_request_total{", "rate((flask_http_request_total{", "unclosed"),
    (KIBANA, '"title": "clew-logs-*"', '"title": "logs-*"', "the data view clew-logs reads logs-*"),
    (KIBANA, '"event.duration", "trace.id"]', '"duration", "trace.id"]', "no log line has the field duration"),
    (KIBANA, "trace.id: *", "trace_id: *", "no log line has the field trace_id"),
    (KIBANA, "request.finished", "request.done", "there is no event request.done"),
    (KIBANA, "127.0.0.1:16686/trace/", "127.0.0.1:16685/trace/", "not at 127.0.0.1:16685"),
    (KIBANA, '"type": "index-pattern", "id": "clew-logs", "name"', '"type": "index-pattern", "id": "logs", "name"',
     "refers to index-pattern logs"),
    (RULES, "circuit_breaker_open", "breaker_open", "there is no metric breaker_open"),
    (RULES, "by (job, peer)", "by (job, host)", "has the label host"),
    (RULES, "$labels.reason", "$labels.why", "the result has no label why"),
    (RULES, 'job=~"gateway|user|order"', 'job=~"gateway|users|order"', "has no job users"),
    (RULES, "runbook.md#latencyhigh", "runbook.md#latency", "LatencyHigh leads to latency"),
    (RULES, "- alert: BreakerOpen", "- alert: BreakerIsOpen", "BreakerIsOpen never fires"),
    (RULE_TESTS, "LatencyHigh\n        exp", "BreakerOpen\n        exp", "LatencyHigh never fires"),
    (ALERTMANAGER, '"ServiceDown"', '"ServiceIsDown"', "no alert has alertname"),
    (ALERTMANAGER, "group_by: [job]", "group_by: [service]", "no alert has the label service"),
    (ALERTMANAGER, "operators\n      repeat", "nobody\n      repeat", "there is no receiver nobody"),
    (RUNBOOK, "## BreakerOpen", "## Breaker", "has no section breakeropen"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "stands", "slip", "complaint"), MISTAKES, ids=lambda text: text[:40])
def test_a_slip_in_one_file_is_noticed(path: str, stands: str, slip: str, complaint: str) -> None:
    text = Files().text(path)
    assert stands in text

    found = list(complaints(Files({path: text.replace(stands, slip, 1)}), CHECKS))
    assert [one for one in found if complaint in one] != []


def test_every_file_is_seen_to_bite() -> None:
    """A configuration file without a mistake of its own above would be one that nobody checks."""
    checked = {path for path, *_ in MISTAKES}
    files = Files()
    configuration = {
        COMPOSE, ENV, PROMETHEUS, LOGSTASH, JAEGER_UI, *files.paths("alerts/*.yml"), *files.paths("dashboards/*/*"),
        *files.paths("deploy/grafana/provisioning/*/*"), *files.paths("deploy/*.yml"),
    }  # fmt: skip
    assert configuration - checked == {"deploy/logstash.yml"}  # names nothing that another file names
