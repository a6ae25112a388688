"""A Prometheus and an Alertmanager, with the project's own files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.real.peers.providing import Peers
from tests.real.peers.server import Server
from tests.support.ports import free_port


class Prometheus(Server):
    """
    :param config: a whole `prometheus.yml`. What it names by relative paths is looked for beside it.
    """

    name = "prometheus"

    def __init__(self, peers: Peers, home: Path, config: Path, *, port: int | None = None) -> None:
        super().__init__(home, port or free_port())
        self._programs = peers.prometheus
        self._config = config

    def command(self) -> tuple[str, ...]:
        return (
            str(self._programs / "prometheus"),
            f"--config.file={self._config}",
            f"--storage.tsdb.path={self.home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--enable-feature=exemplar-storage",
        )

    def query(self, promql: str, **more: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        answer = self.get("/api/v1/query", query=promql, **more)
        assert answer["status"] == "success", answer
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def value(self, promql: str) -> float:
        """The one value that *promql* has now; 0 if it has none."""
        found = self.query(promql)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else 0.0

    def exemplars(self, selector: str, *, since_s: float, until_s: float) -> list[Mapping[str, Any]]:
        """Every exemplar of the selected series, each with its series' labels as ``seriesLabels``."""
        answer = self.get("/api/v1/query_exemplars", query=selector, start=str(since_s), end=str(until_s))
        return [
            {**exemplar, "seriesLabels": series["seriesLabels"]}
            for series in answer["data"] for exemplar in series["exemplars"]
        ]


class Alertmanager(Server):
    """
    :param config: a whole `alertmanager.yml`.
    """

    name = "alertmanager"

    def __init__(self, peers: Peers, home: Path, config: Path) -> None:
        super().__init__(home, free_port())
        self._programs = peers.alertmanager
        self._config = config

    def command(self) -> tuple[str, ...]:
        return (
            str(self._programs / "alertmanager"),
            f"--config.file={self._config}",
            f"--storage.path={self.home / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--cluster.listen-address=",
        )
