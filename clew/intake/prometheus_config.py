"""
`prometheus.yml`, as far as the embedded stack carries it out.

What it cannot carry out is an error that names line and column, never ignored: what works here works the same in a
real Prometheus (3.x), whose defaults and checks these are (``config/config.go``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from yaml.nodes import MappingNode, Node

from clew.intake.durations import duration_s
from clew.intake.yaml_reading import Complaint, YamlReading
from clew.store import Labels, labels_of

TOP_KEYS = ("global", "rule_files", "alerting", "scrape_configs")
GLOBAL_KEYS = ("scrape_interval", "scrape_timeout", "evaluation_interval", "external_labels")
JOB_KEYS = (
    "job_name", "scrape_interval", "scrape_timeout", "metrics_path", "scheme", "honor_labels", "static_configs",
)  # fmt: skip
GROUP_KEYS = ("targets", "labels")
ALERTING_KEYS = ("alertmanagers",)
ALERTMANAGER_KEYS = ("static_configs",)

DEFAULT_INTERVAL_S = 60.0
DEFAULT_TIMEOUT_S = 10.0

T = TypeVar("T")

_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_RULE_PATH = re.compile(r"[^*]*(\*[^/]*)?")


class PrometheusConfigError(Exception):
    """
    All that is wrong with the file, one `file:line:column: what` per line.
    """

    def __init__(self, filename: str, complaints: list[Complaint]) -> None:
        self.complaints = tuple(sorted(complaints))
        super().__init__("\n".join(f"{filename}:{one.line}:{one.column}: {one.text}" for one in self.complaints))


@dataclass(frozen=True, slots=True)
class Target:
    """
    :param address: as written, ``gateway:8080``.
    :param labels: what every series of it gets: ``job`` and ``instance`` unless the file says otherwise, and more.
    """

    address: str
    labels: Labels


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """
    One entry of `scrape_configs`, defaults filled in; times in seconds.
    """

    name: str
    interval_s: float
    timeout_s: float
    metrics_path: str
    scheme: str
    honor_labels: bool
    targets: tuple[Target, ...]


@dataclass(frozen=True, slots=True)
class RulePattern:
    """
    One entry of `rule_files`: a path, relative to the file it stands in, with wildcards in its last part only.
    """

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class PrometheusConfig:
    """
    :param evaluation_interval_s: how often rules are evaluated (seconds).
    :param external_labels: what alerts that leave this Prometheus get; series in the store do not have them.
    :param alertmanagers: where alerts are sent to, ``host:port`` each.
    """

    scrape_interval_s: float
    scrape_timeout_s: float
    evaluation_interval_s: float
    external_labels: Labels
    rule_files: tuple[RulePattern, ...]
    alertmanagers: tuple[str, ...]
    jobs: tuple[ScrapeJob, ...]


def read_prometheus_config(text: str, *, filename: str = "prometheus.yml") -> PrometheusConfig:
    """
    :raises PrometheusConfigError: with everything that is wrong, in the order of the file.
    """
    reading = YamlReading()
    reader = _Reader(reading)
    config = reader.config(reading.document(text))
    if reading.complaints:
        raise PrometheusConfigError(filename, reading.complaints)
    return config


@dataclass(slots=True)
class _Reader:
    yaml: YamlReading

    def config(self, node: Node | None) -> PrometheusConfig:
        top = self.yaml.mapping(node, "the file", TOP_KEYS)
        values = self.yaml.mapping(top.get("global"), "global", GLOBAL_KEYS)
        interval = self._duration(values, "scrape_interval", DEFAULT_INTERVAL_S)
        whole = PrometheusConfig(
            scrape_interval_s=interval,
            scrape_timeout_s=self._timeout(values, interval, DEFAULT_TIMEOUT_S),
            evaluation_interval_s=self._duration(values, "evaluation_interval", DEFAULT_INTERVAL_S),
            external_labels=labels_of(self._labels(values.get("external_labels"), "external_labels")),
            rule_files=self._rule_files(top.get("rule_files")),
            alertmanagers=self._alertmanagers(top.get("alerting")),
            jobs=(),
        )
        jobs: list[ScrapeJob] = []
        names: set[str] = set()
        for entry in self.yaml.items(top.get("scrape_configs"), "scrape_configs"):
            if not isinstance(entry, MappingNode):
                self.yaml.complain(entry, "a scrape configuration must be a mapping of names to values")
                continue
            job = self._job(entry, whole)
            if job.name and job.name in names:
                self.yaml.complain(entry, f"two scrape configurations are named '{job.name}'; a job needs its own name")
            names.add(job.name)
            jobs.append(job)
        return replace(whole, jobs=tuple(jobs))

    def _rule_files(self, node: Node | None) -> tuple[RulePattern, ...]:
        patterns: list[RulePattern] = []
        for item in self.yaml.items(node, "rule_files"):
            text = self.yaml.text(item, "a rule file")
            if text is None:
                continue
            if _RULE_PATH.fullmatch(text) is None:
                self.yaml.complain(item, f"a rule file may have a * in its last part only, unlike '{text}'")
            patterns.append(RulePattern(text, item.start_mark.line + 1, item.start_mark.column + 1))
        return tuple(patterns)

    def _alertmanagers(self, node: Node | None) -> tuple[str, ...]:
        addresses: list[str] = []
        values = self.yaml.mapping(node, "alerting", ALERTING_KEYS)
        for entry in self.yaml.items(values.get("alertmanagers"), "alertmanagers"):
            one = self.yaml.mapping(entry, "an Alertmanager", ALERTMANAGER_KEYS)
            addresses += [target.address for target in self._targets(one.get("static_configs"), "alertmanager")]
        return tuple(addresses)

    def _job(self, entry: Node, whole: PrometheusConfig) -> ScrapeJob:
        values = self.yaml.mapping(entry, "a scrape configuration", JOB_KEYS)
        if "job_name" not in values:
            self.yaml.complain(entry, "a scrape configuration needs a job_name")
        name = self._text(values, "job_name", "")
        interval = self._duration(values, "scrape_interval", whole.scrape_interval_s)
        path = self._text(values, "metrics_path", "/metrics")
        if not path.startswith("/"):
            self.yaml.complain(values["metrics_path"], f"metrics_path must start with '/', not '{path}'")
        scheme = self._text(values, "scheme", "http")
        if scheme not in ("http", "https"):
            self.yaml.complain(values["scheme"], f"scheme must be http or https, not '{scheme}'")
        return ScrapeJob(
            name=name,
            interval_s=interval,
            timeout_s=self._timeout(values, interval, whole.scrape_timeout_s),
            metrics_path=path,
            scheme=scheme,
            honor_labels=self.yaml.boolean(values, "honor_labels", False),
            targets=self._targets(values.get("static_configs"), name),
        )

    def _targets(self, node: Node | None, job: str) -> tuple[Target, ...]:
        targets: dict[Target, None] = {}
        for group in self.yaml.items(node, "static_configs"):
            values = self.yaml.mapping(group, "a static configuration", GROUP_KEYS)
            labels = self._labels(values.get("labels"), "labels")
            for item in self.yaml.items(values.get("targets"), "targets"):
                address = self.yaml.text(item, "a target")
                if address is None:
                    continue
                if "/" in address or any(char.isspace() for char in address):
                    self.yaml.complain(item, f"a target is host:port, not '{address}'")
                    continue
                target = Target(address, labels_of({"job": job, "instance": address, **labels}))
                if target in targets:
                    self.yaml.complain(item, f"the target '{address}' stands twice in the job '{job}'")
                targets[target] = None
        return tuple(targets)

    def _labels(self, node: Node | None, what: str) -> Mapping[str, str]:
        labels: dict[str, str] = {}
        for name, value in self.yaml.mapping(node, what).items():
            text = self.yaml.text(value, f"the label '{name}'")
            if name.startswith("__"):
                self.yaml.complain(value, f"the embedded stack does not support the label '{name}' (yet)")
            elif _LABEL.fullmatch(name) is None:
                self.yaml.complain(value, f"'{name}' is not a label name: letters, digits and _")
            elif text is not None:
                labels[name] = text
        return labels

    def _text(self, values: Mapping[str, Node], name: str, default: str) -> str:
        return self._read(values, name, default, str)

    def _duration(self, values: Mapping[str, Node], name: str, default: float) -> float:
        seconds = self._read(values, name, default, duration_s)
        if seconds == 0:
            self.yaml.complain(values[name], f"{name} is 0, which Prometheus takes for 'not set'; leave the line out")
            return default
        return seconds

    def _timeout(self, values: Mapping[str, Node], interval: float, default: float) -> float:
        """A default that is longer than the interval is cut to it; a longer one that was written is an error."""
        timeout = self._duration(values, "scrape_timeout", min(default, interval))
        if timeout > interval:
            self.yaml.complain(values["scrape_timeout"], "scrape_timeout is longer than scrape_interval")
        return timeout

    def _read(self, values: Mapping[str, Node], name: str, default: T, convert: Callable[[str], T]) -> T:
        if name not in values:
            return default
        text = self.yaml.text(values[name], name)
        if text is None:
            return default
        try:
            return convert(text)
        except ValueError as error:
            self.yaml.complain(values[name], f"{name}: {error}")
            return default
