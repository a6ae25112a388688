"""The three services, started by the commands and with the environments that `clew up` starts them with."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from clew.home import Home
from clew.parts import PORTS, Plan
from clew.supervisor import Part
from tests.services.processes import ROOT
from tests.support.lines import whole_lines
from tests.support.ports import free_port
from tests.support.running import OPENMETRICS, ORDER, Answer, Buyer, FrontDoor, answers, ask, parsed
from tests.support.waiting import eventually


class Shop(FrontDoor):
    """
    :param otlp_port: where spans go.
    :param environ: settings of the services on top of the usual ones.
    """

    def __init__(self, home: Path, *, otlp_port: int, environ: Mapping[str, str]) -> None:
        self.home = Home.at(home)
        self.home.prepare()
        self.ports = {name: free_port() for name in PORTS} | {"OTLP_PORT": otlp_port}
        plan = Plan(
            home=self.home, environ={"PATH": os.environ["PATH"], **environ}, ports=self.ports, config_dir=ROOT,
            run_id=secrets.token_hex(8),
        )
        self._parts = {part.name: part for part in plan.parts() if part.name != "stack"}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """All three, ready."""
        for part in self._parts.values():
            with open(self.home.run / f"{part.name}.log", "ab") as log:
                self._processes[part.name] = subprocess.Popen(
                    part.command, env=part.environ, cwd=part.cwd, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    start_new_session=True,
                )
        for part in self._parts.values():
            eventually(lambda part=part: self._is_ready(part), timeout_s=60, what=f"{part.name} is ready")  # type: ignore[misc]

    def stop(self) -> dict[str, int]:
        """SIGTERM to each master, the gateway first; exit codes by name. What does not end in 10 s is killed."""
        codes = {}
        for name, process in reversed(self._processes.items()):
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                codes[name] = process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        return codes

    def port(self, name: str) -> int:
        return self.ports[f"{name.upper()}_PORT"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port('gateway')}"

    def order(self, buyer: Buyer) -> Answer:
        """An order, placed."""
        placed = self.gateway("POST", "/api/orders", ORDER, headers=buyer.headers)
        assert placed.status == 201, placed
        return placed

    def total(self, service: str, metric: str) -> float:
        """The sum of all series of *metric* that a scrape of the service gets now."""
        text = ask(self.port(service), "GET", "/metrics", headers={"Accept": OPENMETRICS}).body.decode()
        return sum(sample.value for family in parsed(text) for sample in family.samples if sample.name == metric)

    def written(self) -> list[dict[str, Any]]:
        """Every line in the services' files that is finished."""
        return whole_lines(self.home.logs.glob("*.jsonl"))

    def load(self, *, rps: float, result: Path) -> subprocess.Popen[bytes]:
        """`clew load` at the gateway, begun; SIGINT ends it and has it write *result*."""
        goal = ("--rps", f"{rps:g}", "--duration", "0", "--ramp", "0s", "--seed", "7")
        return subprocess.Popen(
            [sys.executable, "-m", "clew.main", "load", *goal, "--gateway", self.url, "--json", str(result)],
            cwd=ROOT, env={"PATH": os.environ["PATH"], "CLEW_HOME": str(self.home.path)}, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _is_ready(self, part: Part) -> bool:
        process = self._processes[part.name]
        if process.poll() is not None:
            raise RuntimeError(f"{part.name} ended: {(self.home.run / f'{part.name}.log').read_text()}")
        return all(answers(check.port, check.path) for check in part.checks)
