"""
The project's own configuration files, with nothing changed but where things are: names that compose resolves become
ports of this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.real.peers.jaeger import JaegerPorts
from tests.services.processes import ROOT


def prometheus_config(directory: Path, where: Mapping[str, int]) -> Path:
    """
    `prometheus.yml` in *directory*, with the rule files beside it.

    Changed: each target, to its address here; and where that would change the label `instance`, it is set to what it
    would have been. So every series is called as it is in compose.

    :param where: target as the file names it -> port. KeyError if the file names another one.
    """
    config = yaml.safe_load((ROOT / "prometheus.yml").read_text("utf-8"))
    for job in config["scrape_configs"]:
        job["static_configs"] = [one for group in job["static_configs"] for one in _scraped(group, where)]
    for manager in config["alerting"]["alertmanagers"]:
        for group in manager["static_configs"]:
            group["targets"] = [_local(where[target]) for target in group["targets"]]
    written = directory / "prometheus.yml"
    written.write_text(yaml.safe_dump(config), "utf-8")
    (directory / "alerts").symlink_to(ROOT / "alerts")
    return written


def _scraped(group: Mapping[str, Any], where: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"targets": [_local(where[target])], "labels": {"instance": target, **group.get("labels", {})}}
        for target in group["targets"]
    ]


def jaeger_config(directory: Path, ports: JaegerPorts) -> Path:
    """
    `deploy/jaeger.yml` in *directory*.

    Changed: the addresses that it listens at, from all of a container's to free ports of the loopback interface.
    Elasticsearch, Prometheus and the page's settings are named by variables in the file itself.
    """
    text = (ROOT / "deploy" / "jaeger.yml").read_text("utf-8")
    listening = {
        "0.0.0.0:4317": ports.otlp_grpc, "0.0.0.0:4318": ports.otlp_http, "0.0.0.0:13133": ports.health,
        "0.0.0.0:16686": ports.query, "0.0.0.0:16685": ports.query_grpc, "0.0.0.0:8889": ports.span_metrics,
    }
    for address, port in listening.items():
        text = _replaced(text, f"endpoint: {address}\n", f"endpoint: {_local(port)}\n")
    text = _replaced(text, "host: 0.0.0.0\n", "host: 127.0.0.1\n")
    text = _replaced(text, "port: 8888\n", f"port: {ports.own_metrics}\n")
    written = directory / "jaeger.yml"
    written.write_text(text, "utf-8")
    return written


def _replaced(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, f"deploy/jaeger.yml has {text.count(old)} times {old!r}"
    return text.replace(old, new)


def _local(port: int) -> str:
    return f"127.0.0.1:{port}"
