"""
What `clew up` runs: the stack process and the three services, each with the whole of its environment.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clew.home import Home
from clew.supervisor import RUN_VARIABLE, Check, Part
from observability import SETTINGS

SERVICES = ("user", "order", "gateway")
"""In the order they are started; they are stopped in reverse."""

_NEEDS: Mapping[str, tuple[str, ...]] = {"user": (), "order": ("user",), "gateway": ("user", "order")}
"""Whom a service must be able to ask before it is ready. It starts without waiting for them."""

PORTS = ("GATEWAY_PORT", "USER_PORT", "ORDER_PORT", "EXPLORER_PORT", "OTLP_PORT")

_FROM_THE_SYSTEM = (
    "PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "TERM", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
)
"""What a Python process needs of its surroundings; nothing else of them is passed on."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    :param environ: the environment of `clew up`; only the system's variables and known settings reach the children.
    :param ports: setting name -> port, no zeros.
    :param load_rps: requests per second that are sent to the services all the time; None: none.
    :param config_dir: where `logstash.conf` and `prometheus.yml` are.
    """

    home: Home
    environ: Mapping[str, str]
    ports: Mapping[str, int]
    config_dir: Path
    run_id: str
    with_services: bool = True
    load_rps: float | None = None

    def parts(self) -> tuple[Part, ...]:
        """The stack first, then the services that come after it, then what sends them load."""
        services = (self._service(name) for name in SERVICES if self.with_services)
        return (self._stack(), *services, *((self._load(self.load_rps),) if self.load_rps else ()))

    def stack_environ(self) -> Mapping[str, str]:
        """The environment of the stack process, and of whatever else runs a verb of `clew` for this stack."""
        return {
            **self._inherited(),
            **{name: str(port) for name, port in self.ports.items()},
            "CLEW_HOME": str(self.home.path),
            "LOG_DIR": str(self.home.logs),
            "OTEL_SERVICE_NAME": "clew",
            RUN_VARIABLE: self.run_id,
        }

    def _stack(self) -> Part:
        explorer, otlp = self.ports["EXPLORER_PORT"], self.ports["OTLP_PORT"]
        return Part(
            name="stack",
            command=(sys.executable, "-m", "clew.main", "stack", "--config", str(self.config_dir)),
            environ=self.stack_environ(),
            cwd=self.config_dir,
            port=explorer,
            checks=(Check(explorer, "/-/ready"), Check(otlp, "/v1/traces", status=405)),
            grace_s=1.4,
        )

    def _service(self, name: str) -> Part:
        port = self.ports[f"{name.upper()}_PORT"]
        return Part(
            name=name,
            command=(sys.executable, "-m", f"services.{name}.main"),
            environ=self._service_environ(name),
            cwd=self.config_dir,
            port=port,
            checks=(Check(port, "/healthz"), Check(port, "/readyz", after=_NEEDS[name])),
            after=("stack",),
        )

    def _load(self, rps: float) -> Part:
        port = self.ports["GATEWAY_PORT"]
        goal = ("--rps", f"{rps:g}", "--duration", "0", "--every", "60s", "--gateway", _local(port))
        return Part(
            name="load",
            command=(sys.executable, "-m", "clew.main", "load", *goal),
            environ=self.stack_environ(),
            cwd=self.config_dir,
            port=port,
            checks=(),
            after=("gateway",),
        )

    def _service_environ(self, name: str) -> Mapping[str, str]:
        secret = {} if _has_any(self.environ, ("TOKEN_SECRET", "TOKEN_SECRET_FILE")) else {
            "TOKEN_SECRET_FILE": str(self.home.token_secret)
        }
        return {
            **self.stack_environ(),
            **secret,
            "OTEL_SERVICE_NAME": name,
            "OTEL_EXPORTER_OTLP_ENDPOINT": _local(self.ports["OTLP_PORT"]),
            "METRICS_DIR": str(self.home.metrics / name),
            "DATA_DIR": str(self.home.data),
            "FAULTS_FILE": str(self.home.faults),
            "LOG_STDOUT": "off",
            "BIND_HOST": "127.0.0.1",
            "USER_URL": _local(self.ports["USER_PORT"]),
            "ORDER_URL": _local(self.ports["ORDER_PORT"]),
        }

    def _inherited(self) -> dict[str, str]:
        known = [variable for variable, _, _ in SETTINGS]
        wanted = (*_FROM_THE_SYSTEM, *known, *(f"{variable}_FILE" for variable in known))
        return {name: self.environ[name] for name in wanted if name in self.environ}


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _has_any(environ: Mapping[str, str], names: Iterable[str]) -> bool:
    return any(environ.get(name) for name in names)
