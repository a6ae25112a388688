"""Everything at once: the services, what carries their signals, and the peers that keep them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from tests.real.addresses import jaeger_config, prometheus_config
from tests.real.peers.elasticsearch import Elasticsearch
from tests.real.peers.jaeger import Jaeger, JaegerPorts
from tests.real.peers.prometheus import Alertmanager, Prometheus
from tests.real.peers.providing import Peers
from tests.real.postgres import Postgres
from tests.real.shipper import Shipper
from tests.real.shop import Shop
from tests.services.processes import ROOT
from tests.support.ports import free_port

PASSWORDS = ("KIBANA_SYSTEM_PASSWORD", "LOGSTASH_PASSWORD", "JAEGER_PASSWORD", "GRAFANA_ES_PASSWORD")


class Stage:
    """
    The picture of docker-compose.yml without what no registry carries (Logstash, Kibana, Grafana). Each part is made
    with the project's own files, started in compose's order, and ended by `end`.
    """

    def __init__(self, peers: Peers, directory: Path, postgres: Postgres, database: str) -> None:
        self.passwords = {name: secrets.token_urlsafe(16) for name in PASSWORDS}
        self.postgres = postgres
        self.elasticsearch = Elasticsearch(peers)
        ports = JaegerPorts()
        prometheus_port = free_port()
        self.shop = Shop(
            directory / "home", otlp_port=ports.otlp_http, environ={"DATABASE_URL": postgres.url(database)}
        )
        self.alertmanager = Alertmanager(peers, directory / "alertmanager", ROOT / "deploy" / "alertmanager.yml")
        where = {
            "gateway:8080": self.shop.port("gateway"), "user:8081": self.shop.port("user"),
            "order:8082": self.shop.port("order"), "jaeger:8889": ports.span_metrics,
            "alertmanager:9093": self.alertmanager.port,
        }
        self.prometheus = Prometheus(
            peers, directory / "prometheus", prometheus_config(directory, where), port=prometheus_port
        )
        self.jaeger = Jaeger(
            peers, directory / "jaeger", jaeger_config(directory, ports), ports,
            {
                "ELASTICSEARCH_URL": self.elasticsearch.url, "JAEGER_PASSWORD": self.passwords["JAEGER_PASSWORD"],
                "PROMETHEUS_URL": self.prometheus.url, "JAEGER_UI_CONFIG": str(ROOT / "deploy" / "jaeger-ui.json"),
            },
        )
        account = f"clew_logstash:{self.passwords['LOGSTASH_PASSWORD']}"
        self.shipper = Shipper(self.shop.home.path, self.elasticsearch.url.replace("//", f"//{account}@"))

    def begin(self) -> Stage:
        """Everything is ready when this returns."""
        self.elasticsearch.start()
        self.set_up()
        for server in (self.alertmanager, self.jaeger, self.prometheus):
            server.start()
        self.shop.start()
        self.shipper.start()
        return self

    def end(self) -> None:
        self.shop.stop()
        self.shipper.stop()
        for server in (self.prometheus, self.jaeger, self.alertmanager):
            server.stop()
        self.elasticsearch.remove()

    def set_up(self) -> str:
        """Run deploy/elasticsearch/setup.py, as compose does; what it said."""
        ran = subprocess.run(
            [sys.executable, str(ROOT / "deploy" / "elasticsearch" / "setup.py")], text=True, capture_output=True,
            timeout=120, env={
                "PATH": os.environ["PATH"], "ELASTICSEARCH_URL": self.elasticsearch.url,
                "ELASTIC_PASSWORD": self.elasticsearch.password, **self.passwords,
            },
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def kept(self) -> Counter[str]:
        """How often each event.id is in Elasticsearch."""
        return Counter(hit["_source"]["event"]["id"] for hit in self.elasticsearch.documents("clew-logs-*"))

    def lines(self, trace_id: str) -> list[dict[str, Any]]:
        """The log documents of a trace, in any order."""
        found = self.elasticsearch.documents("clew-logs-*", {"term": {"trace.id": trace_id}})
        return [hit["_source"] for hit in found]
