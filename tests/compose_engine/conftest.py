"""One project, up for all tests: our own containers from docker-compose.yml as it is, stand-ins for the rest."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.env import values, write
from tests.compose.files import COMPOSE, EXAMPLE, OURS, services
from tests.compose_engine.engine import BUILD_WITHIN_S, Engine, Project, find
from tests.compose_engine.images import STAND_INS, provide
from tests.support.ports import free_port
from tests.support.waiting import eventually

PORTS = {
    "elasticsearch": (9200,), "kibana": (5601,), "logstash": (9600,), "prometheus": (9090,), "alertmanager": (9093,),
    "jaeger": (16686, 4318, 13133), "grafana": (3000,),
}
"""What stands in, and the ports at which it is asked."""
LOGSTASH = "1000:1000"
"""Whom Logstash's image runs as."""


@pytest.fixture(scope="session")
def engine() -> Engine:
    return find()


@pytest.fixture(scope="session")
def env_file(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make env` writes, with free ports, and our image under a name of its own."""
    root = tmp_path_factory.mktemp("env")
    name = f"clew-test-{secrets.token_hex(4)}"
    changed: dict[str, str] = {"CLEW_IMAGE": f"{name}:local", **provide(engine, values(EXAMPLE))}
    for variable in values(EXAMPLE):
        if variable.endswith("_PORT"):
            changed[variable] = str(free_port())
        elif variable.endswith("_IMAGE"):
            changed.setdefault(variable, changed["CLEW_IMAGE"])
    lines = [
        f"{line.partition('=')[0]}={changed[line.partition('=')[0]]}" if line.partition("=")[0] in changed else line
        for line in EXAMPLE.splitlines()
    ]
    (root / ".env.example").write_text("\n".join(lines) + "\n", "utf-8")
    write(root)
    return root / ".env"


@pytest.fixture(scope="session")
def plain(engine: Engine, env_file: Path) -> Project:
    """The file as it is, not started."""
    return Project(engine, "clew-test-plain", env_file, ())


@pytest.fixture(scope="session")
def project(engine: Engine, env_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """Everything healthy, the set-up done."""
    override = tmp_path_factory.mktemp("override") / "stand-ins.json"
    override.write_text(json.dumps({"services": {name: stand_in(name) for name in PORTS}}), "utf-8")
    one = Project(engine, f"clew-test-{secrets.token_hex(4)}", env_file, (override,))
    try:
        one.compose("build", "gateway", within_s=BUILD_WITHIN_S)
        one.compose("up", "--detach", within_s=BUILD_WITHIN_S)
        eventually(lambda: all(map(one.settled, services(COMPOSE))), timeout_s=120, interval_s=1, what="all is up")
        yield one
    finally:
        one.compose("down", "--volumes", "--timeout", "10")
        engine.run("image", "rm", "--force", values(env_file.read_text("utf-8"))["CLEW_IMAGE"])


def stand_in(name: str) -> dict[str, Any]:
    check = f"http://127.0.0.1:{PORTS[name][0]}/"
    return {
        "entrypoint": ["python", "-u", "/stand-in/answering.py"],
        "command": [str(port) for port in PORTS[name]],
        "volumes": [f"{STAND_INS}:/stand-in:ro"],
        "healthcheck": {"test": ["CMD", "python", "/stand-in/answering.py", "--ask", check]},
        **({"user": LOGSTASH} if name == "logstash" else {}),
    }


def ours() -> list[str]:
    return [name for name, service in services(COMPOSE).items() if service["image"] == OURS]
