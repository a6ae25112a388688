"""
Every pair of signals is one click apart, both ways: each row of the table in docs/guides/real-stack.md, filled in with
a real id as the vendor's page would do it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest

from tests.configs.files import DATASOURCES, JAEGER, JAEGER_UI, Files

FILES = Files()
TRACE = "0af7651916cd43dd8448eb211c80319c"
GUIDE = "docs/guides/real-stack.md"
OVERVIEW = "dashboards/grafana/overview.json"
KIBANA = "dashboards/kibana/clew.ndjson"


def kibana_link(field: str, value: str) -> str:
    """Kibana's field format "url": {{value}} is the field's value, encoded."""
    attributes = FILES.kibana()["index-pattern", "clew-logs"]["attributes"]
    form = json.loads(attributes["fieldFormatMap"])[field]
    assert form["id"] == "url"
    return str(form["params"]["urlTemplate"]).replace("{{value}}", quote(value, safe=""))


def jaeger_link(text: str, values: dict[str, str]) -> str:
    """A link pattern of Jaeger's pages: #{name | format …} is a value of the trace or span, encoded."""
    (pattern,) = [one for one in FILES.json(JAEGER_UI)["linkPatterns"] if one["text"].startswith(text)]
    return re.sub(
        r"#\{([^}]*)\}", lambda match: quote(values[match[1].split("|")[0].strip()], safe=""), pattern["url"]
    )


def grafana(uid: str) -> Any:
    return FILES.datasources()[uid]["jsonData"]


def data_link(field: str) -> Any:
    (link,) = [one for one in grafana("elasticsearch")["dataLinks"] if one["field"] == field]
    return link


def provisioned(text: str) -> str:
    """What Grafana makes of a text in a provisioning file: two dollars are one."""
    return text.replace("$$", "$")


AROUND = {"traceID": TRACE, "startTime": "2026-11-21T09:40:00.000Z", "endTime": "2026-11-21T09:41:00.000Z"}


def kibana_line_to_trace() -> None:
    assert kibana_link("trace.id", TRACE) == f"http://127.0.0.1:16686/trace/{TRACE}"


def grafana_line_to_trace() -> None:
    link = data_link("trace.id")
    assert (link["datasourceUid"], provisioned(link["url"])) == ("jaeger", "${__value.raw}")
    assert link["urlDisplayLabel"] == "Trace in Jaeger"


def jaeger_trace_to_lines() -> None:
    url = urlsplit(unquote(jaeger_link("Log lines of this trace", AROUND)))
    assert (url.netloc, url.path) == ("127.0.0.1:5601", "/app/discover")
    assert f"query:(language:kuery,query:'trace.id:\"{TRACE}\"')" in url.fragment
    assert "_g=(time:(from:'2026-11-21T09:40:00.000Z',to:'2026-11-21T09:41:00.000Z'))" in url.fragment


def grafana_trace_to_lines() -> None:
    logs = grafana("jaeger")["tracesToLogsV2"]
    assert (logs["datasourceUid"], logs["customQuery"]) == ("elasticsearch", True)
    assert provisioned(logs["query"]).replace("${__trace.traceId}", TRACE) == f'trace.id:"{TRACE}"'


def grafana_metric_to_trace() -> None:
    (destination,) = grafana("prometheus")["exemplarTraceIdDestinations"]
    assert (destination["datasourceUid"], destination["urlDisplayLabel"]) == ("jaeger", "Trace in Jaeger")
    panels = [panel for panel in FILES.json(OVERVIEW)["panels"] if "exemplars" in panel["title"]]
    assert [target.get("exemplar", False) for panel in panels for target in panel["targets"]].count(True) == 1


def jaeger_metric_to_trace() -> None:
    config = FILES.jaeger()
    assert config["service"]["pipelines"]["metrics/spanmetrics"] == {
        "receivers": ["spanmetrics"], "exporters": ["prometheus"],
    }  # fmt: skip
    assert "spanmetrics" in config["service"]["pipelines"]["traces"]["exporters"]
    assert config["extensions"]["jaeger_query"]["storage"]["metrics"]
    assert FILES.json(JAEGER_UI)["monitor"]["menuEnabled"] is True


def jaeger_trace_to_metric() -> None:
    url = urlsplit(jaeger_link("Metrics of this time", AROUND))
    assert (url.netloc, url.path) == ("127.0.0.1:3000", "/d/clew-overview")
    assert parse_qs(url.query) == {"from": [AROUND["startTime"]], "to": [AROUND["endTime"]]}


def jaeger_span_to_metric() -> None:
    url = urlsplit(jaeger_link("Metrics of the route", {"http.route": "/api/orders/<order_id>"}))
    assert (url.path, parse_qs(url.query)) == ("/d/clew-overview", {"var-route": ["/api/orders/<order_id>"]})


def grafana_trace_to_metric() -> None:
    metrics = grafana("jaeger")["tracesToMetrics"]
    assert metrics["datasourceUid"] == "prometheus"
    assert {tag["key"]: tag["value"] for tag in metrics["tags"]} == {"http.route": "url_rule", "peer.service": "peer"}
    assert all("{$__tags}" in provisioned(query["query"]) for query in metrics["queries"])


def grafana_metric_to_lines() -> None:
    """From every panel whose series are a service's."""
    for panel in FILES.json(OVERVIEW)["panels"]:
        requests = [target for target in panel["targets"] if "_request_" in target.get("expr", "")]
        links = panel["fieldConfig"]["defaults"].get("links", [])
        assert len(links) == (1 if requests else 0), panel["title"]
        for link in links:
            (pane,) = json.loads(parse_qs(urlsplit(link["url"]).query)["panes"][0]).values()
            assert pane["datasource"] == "elasticsearch"
            assert pane["queries"][0]["query"] == "service.name:${__field.labels.job}"
            assert pane["range"] == {"from": "${__from}", "to": "${__to}"}


def kibana_line_to_metric() -> None:
    assert kibana_link("service.name", "order") == "http://127.0.0.1:3000/d/clew-overview?var-service=order"


def grafana_line_to_metric() -> None:
    link = data_link("service.name")
    assert "datasourceUid" not in link
    assert provisioned(link["url"]) == "/d/clew-overview?var-service=${__value.raw}"
    assert link["urlDisplayLabel"] == "Metrics of this service"


LINKS: dict[tuple[str, str, str, str], tuple[Callable[[], None], ...]] = {
    ("log line", "trace", "Kibana", KIBANA): (kibana_line_to_trace,),
    ("log line", "trace", "Grafana", DATASOURCES): (grafana_line_to_trace,),
    ("trace", "log lines", "Jaeger", JAEGER_UI): (jaeger_trace_to_lines,),
    ("trace", "log lines", "Grafana", DATASOURCES): (grafana_trace_to_lines,),
    ("metric", "trace", "Grafana", DATASOURCES): (grafana_metric_to_trace,),
    ("metric", "trace", "Jaeger", JAEGER): (jaeger_metric_to_trace,),
    ("trace", "metric", "Jaeger", JAEGER_UI): (jaeger_trace_to_metric, jaeger_span_to_metric),
    ("trace", "metric", "Grafana", DATASOURCES): (grafana_trace_to_metric,),
    ("metric", "log lines", "Grafana", OVERVIEW): (grafana_metric_to_lines,),
    ("log line", "metric", "Kibana", KIBANA): (kibana_line_to_metric,),
    ("log line", "metric", "Grafana", DATASOURCES): (grafana_line_to_metric,),
}


@pytest.mark.parametrize("link", LINKS, ids=" ".join)
def test_a_click_leads_to_the_other_signal(link: tuple[str, str, str, str]) -> None:
    for check in LINKS[link]:
        check()


def test_the_guide_names_every_click_and_no_other() -> None:
    section = FILES.text(GUIDE).split("## Every pair of signals, one click apart")[1].split("\n## ")[0]
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in section.splitlines() if line[:2] == "| "]
    named = {(source, to, page, file) for source, to, page, _, file in rows[2:]}

    assert named == set(LINKS)


def test_each_two_signals_are_linked_both_ways() -> None:
    def kind(text: str) -> str:
        return text.removesuffix("s")

    pairs = {(kind(source), kind(to)) for source, to, _, _ in LINKS}
    assert pairs == {(a, b) for a in ("log line", "trace", "metric") for b in ("log line", "trace", "metric") if a != b}


def test_every_published_port_is_explained() -> None:
    section = FILES.text(GUIDE).split("## What each port is for")[1].split("\n## ")[0]
    told = {(match[1], match[2]) for match in re.finditer(r"^\| (\d+) \| `([A-Z]+_PORT)` \|", section, re.MULTILINE)}

    assert told == {(value, name) for name, value in FILES.knobs().items() if name.endswith("_PORT")}
