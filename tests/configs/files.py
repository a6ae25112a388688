"""The configuration files as the checks read them; a test may put another text in place of one of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]

COMPOSE = "docker-compose.yml"
ENV = ".env.example"
PROMETHEUS = "prometheus.yml"
LOGSTASH = "logstash.conf"
ALERTMANAGER = "deploy/alertmanager.yml"
JAEGER = "deploy/jaeger.yml"
JAEGER_UI = "deploy/jaeger-ui.json"
DATASOURCES = "deploy/grafana/provisioning/datasources/clew.yml"
PROVIDERS = "deploy/grafana/provisioning/dashboards/clew.yml"
TEMPLATE = "deploy/elasticsearch/template.json"


Check = Callable[["Files"], Iterator[str]]


def complaints(files: Files, checks: tuple[Check, ...]) -> Iterator[str]:
    """What is wrong, with the name of the check. A part that a check looks for and does not find is wrong, too."""
    for check in checks:
        try:
            yield from (f"{check.__name__}: {text}" for text in check(files))
        except KeyError as name:
            yield f"{check.__name__}: there is no {name}"


@lru_cache(maxsize=500)
def _yaml(text: str) -> Any:
    """Parsed once, because every check looks at it again; nobody changes what it gets."""
    return yaml.safe_load(text)


@dataclass(frozen=True)
class Files:
    """:param instead: path below the repository -> the text that stands for the file's own."""

    instead: Mapping[str, str] = field(default_factory=dict)

    def text(self, path: str) -> str:
        return self.instead.get(path) or (ROOT / path).read_text("utf-8")

    def yaml(self, path: str) -> Any:
        return _yaml(self.text(path))

    def json(self, path: str) -> Any:
        return json.loads(self.text(path))

    def paths(self, pattern: str) -> list[str]:
        return sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))

    def exists(self, path: str) -> bool:
        return (ROOT / path).exists()

    # ---- what several checks need ---------------------------------------------------------------------------------

    def compose(self) -> Mapping[str, Any]:
        """The services of the compose file."""
        services: Mapping[str, Any] = self.yaml(COMPOSE)["services"]
        return services

    def _service(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.compose().get(name, {})
        return found

    def environment(self, service: str) -> Mapping[str, str]:
        return {name: str(value) for name, value in self._service(service).get("environment", {}).items()}

    def mounts(self, service: str) -> Mapping[str, str]:
        """Place in the container -> place in the repository, of what is mounted from there."""
        pairs = (volume.split(":")[:2] for volume in self._service(service).get("volumes", []))
        return {target: source.removeprefix("./") for source, target in pairs if source.startswith("./")}

    def knobs(self) -> Mapping[str, str]:
        """The variables of .env.example."""
        lines = (line.partition("=") for line in self.text(ENV).splitlines() if not line.startswith("#"))
        return {name: value for name, equals, value in lines if equals}

    def rules(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Rule file, rule."""
        for path in self.paths("alerts/*.rules.yml"):
            for group in self.yaml(path)["groups"]:
                yield from ((path, rule) for rule in group["rules"])

    def dashboards(self) -> Mapping[str, Any]:
        return {path: self.json(path) for path in self.paths("dashboards/grafana/*.json")}

    def datasources(self) -> Mapping[str, Any]:
        """By uid."""
        return {one["uid"]: one for one in self.yaml(DATASOURCES)["datasources"]}

    def kibana(self) -> Mapping[tuple[str, str], Any]:
        """The saved objects, by type and id."""
        lines = (line for path in self.paths("dashboards/kibana/*.ndjson") for line in self.text(path).splitlines())
        return {(one["type"], one["id"]): one for one in map(json.loads, lines)}

    def jaeger(self) -> Any:
        return self.yaml(JAEGER)

    def span_storage(self) -> Any:
        return self.jaeger()["extensions"]["jaeger_storage"]["backends"]["spans"]["elasticsearch"]
