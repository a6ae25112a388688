"""A Jaeger, by its own configuration file."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.real.peers.providing import Peers
from tests.real.peers.server import Server
from tests.support.ports import free_port
from tests.support.running import ask


@dataclass(frozen=True)
class JaegerPorts:
    """Where one Jaeger listens."""

    query: int = field(default_factory=free_port)
    query_grpc: int = field(default_factory=free_port)
    otlp_http: int = field(default_factory=free_port)
    otlp_grpc: int = field(default_factory=free_port)
    health: int = field(default_factory=free_port)
    own_metrics: int = field(default_factory=free_port)
    span_metrics: int = field(default_factory=free_port)


class Jaeger(Server):
    """
    :param config: a whole `jaeger.yml` that listens at *ports*.
    """

    name = "jaeger"
    ready = "/status"

    def __init__(self, peers: Peers, home: Path, config: Path, ports: JaegerPorts, environ: Mapping[str, str]) -> None:
        super().__init__(home, ports.query)
        self.ports = ports
        self._programs = peers.jaeger
        self._config = config
        self._environ = environ

    def command(self) -> tuple[str, ...]:
        return (str(self._programs / "jaeger"), "--config", f"file:{self._config}")

    def environ(self) -> Mapping[str, str]:
        return {**super().environ(), **self._environ}

    def is_ready(self) -> bool:
        """Its health door is another one than that of its API."""
        if not super().is_ready():
            return False
        try:
            return ask(self.ports.health, "GET", "/status").status == 200
        except (OSError, http.client.HTTPException):
            return False

    def trace(self, trace_id: str) -> list[Mapping[str, Any]]:
        """
        The spans of a trace, each with the name of its service as ``service``; empty if there is none.
        """
        answer = self.ask("GET", f"/api/traces/{trace_id}")
        if answer.status == 404:
            return []
        # A path that Jaeger does not know is answered with its page, status 200.
        assert answer.status == 200, answer
        assert answer.headers["content-type"].startswith("application/json"), answer
        (trace,) = answer.json["data"]
        return [
            {**span, "service": trace["processes"][span["processID"]]["serviceName"]} for span in trace["spans"]
        ]
