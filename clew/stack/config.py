"""
The files that `clew up` shares with the real stack, read and checked before anything starts: `logstash.conf`,
`prometheus.yml`, and the rule files that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clew.intake.prometheus_config import PrometheusConfig, PrometheusConfigError, read_prometheus_config
from clew.intake.prometheus_rules import RuleGroup, read_prometheus_rules
from clew.pipeline import ConfigError as PipelineError
from clew.pipeline import FileInput, Pipeline, compile_pipeline

FILES = ("logstash.conf", "prometheus.yml")


class ConfigError(Exception):
    """The stack cannot run with these files; one ``file:line:column: what`` per line, or a sentence."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """
    :param sources: each file input with a pipeline of its own, because one pipeline is fed by one thread.
    :param rules: the groups of each rule file, by its path below the directory of the configuration.
    """

    sources: tuple[tuple[FileInput, Pipeline], ...]
    prometheus: PrometheusConfig
    rules: Mapping[str, tuple[RuleGroup, ...]]


def read_config(directory: Path, environ: Mapping[str, str]) -> StackConfig:
    """
    Both files of *directory*, and the rule files that belong to them.

    :param environ: what ``${NAME}`` in `logstash.conf` stands for.
    :raises ConfigError: with everything that is wrong in any of them.
    """
    missing = [name for name in FILES if not (directory / name).is_file()]
    if missing:
        raise ConfigError(
            f"There is no {' and no '.join(missing)} in {directory.absolute()}. A clone of Clew has both: go there, or "
            "name the directory that has them: clew up --config DIR"
        )
    logstash, prometheus = (_text(directory / name) for name in FILES)
    complaints: list[str] = []
    sources: tuple[tuple[FileInput, Pipeline], ...] = ()
    scraped: PrometheusConfig | None = None
    rules: dict[str, tuple[RuleGroup, ...]] = {}
    try:
        sources = pipelines_of(logstash, filename=FILES[0], environ=environ)
    except PipelineError as error:
        complaints.append(str(error))
    try:
        scraped = read_prometheus_config(prometheus, filename=FILES[1])
        rules = _rules(directory, scraped, complaints)
    except PrometheusConfigError as error:
        complaints.append(str(error))
    if scraped is None or complaints:
        raise ConfigError("\n".join(complaints))
    return StackConfig(sources, scraped, rules)


def _rules(directory: Path, config: PrometheusConfig, complaints: list[str]) -> dict[str, tuple[RuleGroup, ...]]:
    """Prometheus starts without a rule file that is not there, and nobody is ever woken; here it is a complaint."""
    rules: dict[str, tuple[RuleGroup, ...]] = {}
    for pattern in config.rule_files:
        paths = sorted(path for path in directory.glob(pattern.text.lstrip("/")) if path.is_file())
        if Path(pattern.text).is_absolute() or not paths:
            complaints.append(
                f"{FILES[1]}:{pattern.line}:{pattern.column}: no rule file {pattern.text} in {directory.absolute()}; "
                "paths are read from there"
            )
            continue
        for path in paths:
            name = path.relative_to(directory).as_posix()
            try:
                rules[name] = read_prometheus_rules(_text(path), filename=name)
            except PrometheusConfigError as error:
                complaints.append(str(error))
    return rules


def pipelines_of(
    text: str, *, filename: str, environ: Mapping[str, str]
) -> tuple[tuple[FileInput, Pipeline], ...]:
    """
    Each file input of the pipeline *text*, with a pipeline of its own.

    :raises clew.pipeline.ConfigError: with everything that is wrong in it.
    """
    first = compile_pipeline(text, filename=filename, environment=environ)
    others = (compile_pipeline(text, filename=filename, environment=environ) for _ in first.inputs[1:])
    pipelines = (first, *others) if first.inputs else ()
    return tuple((pipeline.inputs[place], pipeline) for place, pipeline in enumerate(pipelines))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8.") from None
