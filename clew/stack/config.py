"""
The two files that `clew up` shares with the real stack, read and checked before anything starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clew.intake.prometheus_config import PrometheusConfig, PrometheusConfigError, read_prometheus_config
from clew.pipeline import ConfigError as PipelineError
from clew.pipeline import FileInput, Pipeline, compile_pipeline

FILES = ("logstash.conf", "prometheus.yml")


class ConfigError(Exception):
    """The stack cannot run with these files; one ``file:line:column: what`` per line, or a sentence."""


@dataclass(frozen=True, slots=True)
class StackConfig:
    """
    :param sources: each file input with a pipeline of its own, because one pipeline is fed by one thread.
    """

    sources: tuple[tuple[FileInput, Pipeline], ...]
    prometheus: PrometheusConfig


def read_config(directory: Path, environ: Mapping[str, str]) -> StackConfig:
    """
    Both files of *directory*.

    :param environ: what ``${NAME}`` in `logstash.conf` stands for.
    :raises ConfigError: with everything that is wrong in either.
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
    try:
        sources = _sources(logstash, environ)
    except PipelineError as error:
        complaints.append(str(error))
    try:
        scraped = read_prometheus_config(prometheus, filename=FILES[1])
    except PrometheusConfigError as error:
        complaints.append(str(error))
    if scraped is None or complaints:
        raise ConfigError("\n".join(complaints))
    return StackConfig(sources, scraped)


def _sources(text: str, environ: Mapping[str, str]) -> tuple[tuple[FileInput, Pipeline], ...]:
    first = compile_pipeline(text, filename=FILES[0], environment=environ)
    others = (compile_pipeline(text, filename=FILES[0], environment=environ) for _ in first.inputs[1:])
    pipelines = (first, *others) if first.inputs else ()
    return tuple((pipeline.inputs[place], pipeline) for place, pipeline in enumerate(pipelines))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8.") from None
