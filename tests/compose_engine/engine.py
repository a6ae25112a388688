"""A Docker engine and the compose tools that are there."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.compose.files import ROOT

BUILD_WITHIN_S = 900.0


class NoEngine(Exception):
    """None that can be used; the message says why, and what to do."""


@dataclass(frozen=True)
class Engine:
    """*tools*: how compose is called here, the newest first."""

    docker: str
    version: str
    tools: tuple[tuple[str, ...], ...]

    def run(self, *arguments: str, within_s: float = 120.0, stdin: str | None = None) -> str:
        """What ``docker ...`` prints. An AssertionError with all it said when it fails."""
        return _output([self.docker, *arguments], within_s=within_s, stdin=stdin)

    def works(self, *arguments: str, within_s: float = 120.0) -> bool:
        ran = subprocess.run([self.docker, *arguments], capture_output=True, timeout=within_s)
        return ran.returncode == 0


@dataclass(frozen=True)
class Project:
    """docker-compose.yml under a name of its own, with *files* on top and *env_file* in place of .env."""

    engine: Engine
    name: str
    env_file: Path
    files: tuple[Path, ...]

    def compose(self, *arguments: str, within_s: float = 300.0, tool: Sequence[str] | None = None) -> str:
        return _output([*self.command(tool), *arguments], within_s=within_s)

    def command(self, tool: Sequence[str] | None = None) -> list[str]:
        files = [part for file in (ROOT / "docker-compose.yml", *self.files) for part in ("--file", str(file))]
        return [
            *(tool or self.engine.tools[0]), "--project-directory", str(ROOT), "--project-name", self.name,
            "--env-file", str(self.env_file), *files,
        ]

    def container(self, service: str) -> str:
        """The id of a service's container, running or not."""
        return self.engine.run(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.name}",
            "--filter", f"label=com.docker.compose.service={service}",
        ).strip()

    def state(self, service: str, field: str) -> str:
        """A field of ``docker inspect``, for example ``.State.Health.Status``; empty before there is a container."""
        known = self.container(service)
        return self.engine.run("inspect", "--format", f"{{{{{field}}}}}", known).strip() if known else ""

    def settled(self, service: str) -> bool:
        """Whether a server is healthy, or a set-up container has ended as it should."""
        if service.endswith("setup"):
            return self.state(service, ".State.Status") == "exited" and self.state(service, ".State.ExitCode") == "0"
        return self.state(service, ".State.Health.Status") == "healthy"

    def execute(self, service: str, *command: str) -> str:
        """What *command* prints inside of a service's container, as whoever runs there."""
        return self.engine.run("exec", self.container(service), *command)


def find(docker: str | None = None) -> Engine:
    """
    :param docker: the program; default: the first of the distribution's and the PATH's that reaches an engine.
    :raises NoEngine: no program, no engine behind it, or no compose.
    """
    why = "there is no docker program"
    for program in [docker] if docker else ["/usr/bin/docker", "docker"]:
        try:
            version = _output([program, "version", "--format", "Docker {{.Server.Version}}"], within_s=30).strip()
        except (AssertionError, OSError) as error:
            why = str(error)
            continue
        tools = tuple(tool for tool in ((program, "compose"), ("docker-compose",)) if _answers([*tool, "version"]))
        if not tools:
            raise NoEngine(
                "There is a Docker engine, but no compose. Install Docker's compose plugin, or: apt-get install "
                "docker-compose"
            )
        return Engine(program, version, tools)
    raise NoEngine(
        f"make test-compose needs a Docker engine, and none can be used: {why}\n"
        "Install one (apt-get install docker.io docker-compose), start it, and run make test-compose again. If it "
        "listens elsewhere, say where in DOCKER_HOST."
    )


def _answers(command: Sequence[str], environ: Mapping[str, str] | None = None) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60, env=environ).returncode == 0
    except OSError:
        return False


def _output(command: Sequence[str], *, within_s: float, stdin: str | None = None) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=within_s, input=stdin)
    assert ran.returncode == 0, f"{' '.join(command)}: {ran.stdout[-3000:]}{ran.stderr[-3000:]}"
    return ran.stdout
