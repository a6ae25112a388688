"""The names that the code knows, in the form in which configuration files use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from observability import ATTRIBUTES, EVENTS, METRICS, SETTINGS, log_line_schema

ROOT = Path(__file__).resolve().parents[2]

SERVICES = tuple(sorted(path.parent.name for path in (ROOT / "services").glob("*/main.py")))

OF_EVERY_SERIES = frozenset({"job", "instance"})
"""What Prometheus adds to each series of a target."""

OF_PROMETHEUS = frozenset({"up", "scrape_duration_seconds", "scrape_samples_scraped"})
"""What Prometheus makes of each target."""

EXEMPLAR_LABEL = "trace_id"
"""`test_an_exemplar_carries_the_label_that_grafana_looks_for` reads it from a real exposition."""

OF_LOGSTASH = frozenset({"log.file.path", "tags"})
"""What the file input and a failed codec add to a line."""

ATTRIBUTE_NAMES = frozenset(ATTRIBUTES)
EVENT_NAMES = frozenset(EVENTS)
SETTING_DEFAULTS = {name: default for name, default, _ in SETTINGS}


def series() -> Mapping[str, frozenset[str]]:
    """Every series name that `/metrics` may have -> its labels."""
    found: dict[str, frozenset[str]] = dict.fromkeys(OF_PROMETHEUS, OF_EVERY_SERIES)
    for metric in METRICS.values():
        labels = frozenset(metric.labels) | OF_EVERY_SERIES
        if metric.kind == "histogram":
            found[f"{metric.name}_bucket"] = labels | {"le"}
            found[f"{metric.name}_count"] = found[f"{metric.name}_sum"] = labels
        else:
            found[metric.name] = labels
    return found


def metric_of(name: str) -> str:
    """The metric that the series *name* belongs to; empty if none."""
    for metric in (name, *(name.removesuffix(suffix) for suffix in ("_bucket", "_count", "_sum"))):
        if metric in METRICS:
            return metric
    return ""


def fields() -> frozenset[str]:
    """Every field of a log line, dotted."""
    return frozenset(_fields("", log_line_schema()))


def levels() -> frozenset[str]:
    return frozenset(log_line_schema()["properties"]["log"]["properties"]["level"]["enum"])


def _fields(prefix: str, schema: Mapping[str, Any]) -> Iterator[str]:
    for name, inner in schema.get("properties", {}).items():
        if "properties" in inner:
            yield from _fields(f"{prefix}{name}.", inner)
        else:
            yield prefix + name
