"""Metrics, labels, fields, indices and ids in rules, dashboards and links: each is one that the code makes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from observability import METRICS
from tests.configs.files import (
    DATASOURCES,
    JAEGER_UI,
    LOGSTASH,
    PROMETHEUS,
    TEMPLATE,
    Files,
)
from tests.configs.known import (
    ATTRIBUTE_NAMES,
    EVENT_NAMES,
    EXEMPLAR_LABEL,
    OF_EVERY_SERIES,
    OF_LOGSTASH,
    fields,
    levels,
    metric_of,
    series,
)
from tests.configs.promql import alternatives, asked

OF_A_TRACE = {"traceID", "traceName", "duration", "startTime", "endTime"}
"""What Jaeger's pages put into a link of the type "traces"."""

NOT_SHOWN = {
    "telemetry_instance_emitted_total": "for the ledger of `clew`: per worker process, not for a graph",
    "telemetry_instance_dropped_total": "for the ledger of `clew`: per worker process, not for a graph",
}
"""Metrics that no dashboard shows, and why."""


# ---- metrics --------------------------------------------------------------------------------------------------------


def queries(files: Files) -> Iterator[tuple[str, str, list[str]]]:
    """Where it stands, PromQL, and the labels that the text around it relies on."""
    for path, rule in files.rules():
        texts = " ".join(rule.get("annotations", {}).values())
        yield f"{path} {rule.get('alert')}", rule["expr"], re.findall(r"\$labels\.(\w+)", texts)
    for path, dashboard in files.dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["uid"] == "prometheus":
                    legend = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
                    linked = re.findall(r"\$\{__field\.labels\.(\w+)\}", json.dumps(panel["fieldConfig"]))
                    yield f"{path} '{panel['title']}'", target["expr"], legend + linked
        for variable in dashboard["templating"]["list"]:
            match = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"])
            expression, label = match.groups() if match else ("?", "")
            if variable["query"]["query"] != variable["definition"]:
                yield f"{path} ${variable['name']}", "definition and query differ", []
            yield f"{path} ${variable['name']}", expression, [label]
    for query in _to_metrics(files)["queries"]:
        yield f"{DATASOURCES} '{query['name']}'", query["query"].replace("$$", "$"), []


def _to_metrics(files: Files) -> Any:
    return files.datasources()["jaeger"]["jsonData"]["tracesToMetrics"]


def metrics(files: Files) -> Iterator[str]:
    known = series()
    jobs = {job["job_name"] for job in files.yaml(PROMETHEUS)["scrape_configs"]}
    for place, expression, relied in queries(files):
        try:
            wanted = asked(expression)
        except ValueError as error:
            yield f"{place}: {error}: {expression}"
            continue
        available: set[str] = set(OF_EVERY_SERIES)
        for name, matchers in wanted.series.items():
            if name not in known:
                yield f"{place}: there is no metric {name}"
                continue
            available |= known[name]
            yield from (f"{place}: {name} has no label {label}" for label in sorted(set(matchers) - known[name]))
            for job in (one for value in matchers.get("job", []) for one in alternatives(value)):
                if job not in jobs:
                    yield f"{place}: {PROMETHEUS} has no job {job}"
            if EXEMPLAR_LABEL in matchers:
                yield f"{place}: {EXEMPLAR_LABEL} is an exemplar's label, not a series'"
        yield from (f"{place}: no series there has the label {one}" for one in sorted(wanted.grouped - available))
        kept = wanted.grouped if " by " in expression or expression.startswith("sum(") else available
        yield from (f"{place}: the result has no label {one}" for one in sorted(set(relied) - kept))


def shown(files: Files) -> Iterator[str]:
    """A metric that nobody looks at is made in vain."""
    seen: set[str] = set()
    for _, expression, _ in queries(files):
        try:
            seen |= {metric_of(name) for name in asked(expression).series}
        except ValueError:
            continue  # `metrics` says so
    yield from (f"no rule and no dashboard shows {name}" for name in sorted(set(METRICS) - seen - set(NOT_SHOWN)))


# ---- Grafana's data sources -----------------------------------------------------------------------------------------


def datasources(files: Files) -> Iterator[str]:
    """Whatever names a data source names one that is provisioned."""
    sources = files.datasources()
    named = [
        (path, uid) for path in (DATASOURCES, *files.dashboards())
        for uid in re.findall(r"\"?(?:datasourceUid|uid)\"?: \"?([\w-]+)\"?", files.text(path))
    ]
    known = set(sources) | {dashboard["uid"] for dashboard in files.dashboards().values()}
    yield from (f"{path} names {uid}, which is no provisioned data source" for path, uid in named if uid not in known)
    for destination in sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]:
        if destination["name"] != EXEMPLAR_LABEL:
            yield f"exemplars have the label {EXEMPLAR_LABEL}, and Grafana looks for {destination['name']}"
    interval = files.yaml(PROMETHEUS)["global"]["scrape_interval"]
    if sources["prometheus"]["jsonData"]["timeInterval"] != interval:
        yield f"timeInterval is not scrape_interval, {interval}"
    labels = {label for name, of in series().items() if metric_of(name) for label in of}
    for tag in _to_metrics(files)["tags"]:
        if tag["key"] not in ATTRIBUTE_NAMES:
            yield f"tracesToMetrics: no span has the attribute {tag['key']}"
        if tag["value"] not in labels:
            yield f"tracesToMetrics: no series has the label {tag['value']}"


# ---- log lines ------------------------------------------------------------------------------------------------------


def indices(files: Files) -> Iterator[str]:
    """What Logstash writes has a template and a role, and what is read is what Logstash writes."""
    text = files.text(LOGSTASH)
    written = set(re.findall(r"\"\[@metadata\]\[index\]\" => \"([^\"]+)\"", text))
    output = re.findall(r"index => \"([^\"]+)\"", text)
    if output != ["%{[@metadata][index]}-%{+YYYY.MM.dd}"]:
        yield f"{LOGSTASH} writes to {output}, not to one index per day"
    spans = files.span_storage()["indices"]["index_prefix"]
    templates = {pattern for path in files.paths("deploy/elasticsearch/*template.json")
                 for pattern in files.json(path)["index_patterns"]}  # fmt: skip
    yield from (f"no template is for {name}-*" for name in sorted(written) if f"{name}-*" not in templates)
    for pattern in sorted(templates):
        if pattern.removesuffix("-*") not in written and not pattern.startswith(f"{spans}-jaeger-"):
            yield f"nobody writes to {pattern}, which has a template"
    roles = {path.rpartition("/")[2].removesuffix(".json"): {
        name for grant in files.json(path)["indices"] for name in grant["names"]
    } for path in files.paths("deploy/elasticsearch/roles/*.json")}  # fmt: skip
    for role, names in (
        ("clew_logstash", {f"{name}-*" for name in written}), ("clew_jaeger", {f"{spans}-*"}),
        ("clew_grafana", {files.datasources()["elasticsearch"]["jsonData"]["index"]}),
    ):
        if not all(any(_covers(granted, name) for granted in roles.get(role, ())) for name in names):
            yield f"the role {role} is for {sorted(roles.get(role, ()))}, and {sorted(names)} is needed"
    read = {"Grafana": files.datasources()["elasticsearch"]["jsonData"]["index"]} | {
        f"the data view {key[1]}": one["attributes"]["title"]
        for key, one in files.kibana().items() if key[0] == "index-pattern"
    }
    for who, pattern in read.items():
        if pattern.removesuffix("-*") not in written:
            yield f"{who} reads {pattern}, and Logstash writes {sorted(written)}"


def _covers(pattern: str, name: str) -> bool:
    return pattern == name or (pattern.endswith("*") and name.startswith(pattern[:-1]))


def mapping(files: Files) -> Iterator[str]:
    mapped, made = set(_mapped("", files.json(TEMPLATE)["template"]["mappings"])), fields() | OF_LOGSTASH
    yield from (f"{TEMPLATE} maps {name}, which no line has" for name in sorted(mapped - made))
    yield from (f"lines have {name}, which {TEMPLATE} does not map" for name in sorted(made - mapped))


def _mapped(prefix: str, properties: Any) -> Iterator[str]:
    for name, inner in properties.get("properties", {}).items():
        if "properties" in inner:
            yield from _mapped(f"{prefix}{name}.", inner)
        else:
            yield prefix + name


def searches(files: Files) -> Iterator[str]:
    """Every field that a search, a column or a link asks for is one of a log line."""
    known = fields() | OF_LOGSTASH
    for place, name in _asked_fields(files):
        if name not in known:
            yield f"{place}: no log line has the field {name}"
    for place, text in texts(files):
        for action in re.findall(r"event\.action: ?\"([^\"]+)\"", text):
            if action not in EVENT_NAMES:
                yield f"{place}: there is no event {action}"
        for some in re.findall(r"log\.level: ?\(([^)]*)\)", text):
            for level in re.split(r" or | OR ", some):
                if level not in levels():
                    yield f"{place}: there is no level {level}"


def texts(files: Files) -> Iterator[tuple[str, str]]:
    """KQL and Lucene, with where it stands."""
    for (kind, ident), one in files.kibana().items():
        if kind == "search":
            source = json.loads(one["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
            yield f"search {ident}", source["query"]["query"]
    for path, dashboard in files.dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                if target["datasource"]["uid"] == "elasticsearch":
                    yield f"{path} '{panel['title']}'", target["query"]
            for link in panel["fieldConfig"]["defaults"].get("links", []):
                for pane in json.loads(parse_qs(urlsplit(link["url"]).query)["panes"][0]).values():
                    yield from ((f"{path} '{panel['title']}', its link", one["query"]) for one in pane["queries"])
    yield f"{DATASOURCES} tracesToLogsV2", files.datasources()["jaeger"]["jsonData"]["tracesToLogsV2"]["query"]
    for pattern in files.json(JAEGER_UI)["linkPatterns"]:
        yield from ((JAEGER_UI, text) for text in re.findall(r"query:'([^']*)'", unquote(pattern["url"])))


def _asked_fields(files: Files) -> Iterator[tuple[str, str]]:
    for place, text in texts(files):
        bare = re.sub(r"\"[^\"]*\"", '""', text)
        yield from ((place, name) for name in re.findall(r"([a-z_@][\w.@]*) ?(?::|>=)", bare))
    for (kind, ident), one in files.kibana().items():
        attributes = one["attributes"]
        if kind == "search":
            names = [*attributes["columns"], *(name for name, _ in attributes["sort"])]
        else:
            names = [*json.loads(attributes["fieldFormatMap"]), attributes["timeFieldName"]]
        yield from ((f"{kind} {ident}", name) for name in names)
    source = files.datasources()["elasticsearch"]["jsonData"]
    names = [source["timeField"], source["logMessageField"], source["logLevelField"]]
    yield from ((DATASOURCES, name) for name in [*names, *(link["field"] for link in source["dataLinks"])])
    for pattern in files.json(JAEGER_UI)["linkPatterns"]:
        for some in re.findall(r"columns:!\(([^)]*)\)", pattern["url"]):
            yield from ((JAEGER_UI, name) for name in some.split(","))
        yield from ((JAEGER_UI, name) for name in re.findall(r"sort:!\(!\('([^']+)'", pattern["url"]))


# ---- links ----------------------------------------------------------------------------------------------------------


def spans(files: Files) -> Iterator[str]:
    """Jaeger fills a link only if it has every value that the link asks for."""
    for pattern in files.json(JAEGER_UI)["linkPatterns"]:
        asks = {name.split("|")[0].strip() for name in re.findall(r"#\{([^}]*)\}", pattern["url"] + pattern["text"])}
        known = OF_A_TRACE if pattern["type"] == "traces" else ATTRIBUTE_NAMES
        asks |= {pattern["key"]} if "key" in pattern else set()
        yield from (f"{JAEGER_UI} '{pattern['text']}': Jaeger has no {name}" for name in sorted(asks - set(known)))


def pages(files: Files) -> Iterator[str]:
    """Dashboards, their variables, data views and searches are linked to by ids that are there."""
    uids = {
        one["uid"]: {variable["name"] for variable in one["templating"]["list"]} for one in files.dashboards().values()
    }
    ids = {ident for _, ident in files.kibana()}
    texts = (JAEGER_UI, DATASOURCES, *files.paths("dashboards/*/*"))
    for path in texts:
        text = files.text(path)
        for uid, query in re.findall(r"/d/([\w-]+)(\?[^\"\\\s]*)?", text):
            if uid not in uids:
                yield f"{path}: there is no dashboard {uid}"
                continue
            for name in re.findall(r"var-(\w+)=", query):
                if name not in uids[uid]:
                    yield f"{path}: the dashboard {uid} has no variable {name}"
        for ident in re.findall(r"discover#/view/([\w-]+)|dataViewId:([\w-]+)", text):
            if "".join(ident) not in ids:
                yield f"{path}: Kibana has no {''.join(ident)}"
    for (kind, ident), one in files.kibana().items():
        for reference in one["references"]:
            if (reference["type"], reference["id"]) not in files.kibana():
                yield f"{kind} {ident} refers to {reference['type']} {reference['id']}, which is not there"


CHECKS = (metrics, shown, datasources, indices, mapping, searches, spans, pages)
