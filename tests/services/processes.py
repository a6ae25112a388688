"""Real service processes: gunicorn, forked workers, sockets, as production starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.services.conftest import SECRET
from tests.support.lines import whole_lines
from tests.support.ports import free_port
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Service:
    """One started service."""

    name: str
    port: int
    process: subprocess.Popen[str]
    log_dir: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def text(self) -> str:
        """What it has logged so far, as it stands."""
        return "".join(file.read_text("utf-8") for file in sorted(self._files()))

    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far."""
        return whole_lines(self._files())

    def _files(self) -> Iterator[Path]:
        return self.log_dir.glob(f"{self.name}-*.jsonl")

    def workers(self) -> list[int]:
        """Process ids of its workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def wait_until_ready(self) -> None:
        def ready() -> bool:
            assert self.process.poll() is None, self.process.communicate()
            try:
                return requests.get(self.url + "/healthz", timeout=1).ok
            except requests.RequestException:
                return False

        eventually(ready, timeout_s=20, what=f"{self.name} answers")

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 10.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout_s)


def environment(tmp_path: Path) -> dict[str, str]:
    """What a service reads, and nothing of what surrounds the tests."""
    return {
        "PATH": os.environ["PATH"],
        "LOG_DIR": str(tmp_path / "logs"),
        "LOG_STDOUT": "off",
        "DATA_DIR": str(tmp_path / "data"),
        "TOKEN_SECRET": SECRET,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }


def start(name: str, port: int, tmp_path: Path, environ: dict[str, str]) -> Service:
    command = [sys.executable, "-m", f"services.{name}.main"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, text=True, stdout=pipe, stderr=pipe, start_new_session=True
    )
    return Service(name, port, process, tmp_path / "logs")


@contextmanager
def running(tmp_path: Path, *names: str, wait: bool = True, **more: str) -> Iterator[dict[str, Service]]:
    """The named services, ready if *wait*; gone afterwards, with all their workers."""
    ports = {name: free_port() for name in ("gateway", "user", "order")}
    addresses = {f"{name.upper()}_PORT": str(port) for name, port in ports.items()}
    addresses |= {f"{name.upper()}_URL": f"http://127.0.0.1:{ports[name]}" for name in ("user", "order")}
    environ = environment(tmp_path) | addresses | more
    with ExitStack() as stack:
        services: dict[str, Service] = {}
        for name in names:
            services[name] = start(name, ports[name], tmp_path, environ)
            stack.callback(_end, services[name].process)
        for service in services.values() if wait else ():
            service.wait_until_ready()
        yield services


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
