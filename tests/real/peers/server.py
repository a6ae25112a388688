"""A peer that runs: started, ended and started again with the same data and ports, in a process group of its own."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import subprocess
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clew.supervisor import processes
from tests.support.running import Answer, ask
from tests.support.waiting import eventually


class Server:
    """
    :param home: a directory of its own; its output goes to ``home/output.log``.
    :param port: of its HTTP API, on 127.0.0.1. *ready*: a path that answers 200 when it can be used.
    """

    name = "server"
    ready = "/-/ready"
    start_within_s = 30.0
    stop_within_s = 20.0

    def __init__(self, home: Path, port: int) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home = home
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> tuple[str, ...]:
        raise NotImplementedError

    def environ(self) -> Mapping[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": str(self.home)}

    def start(self) -> None:
        """Return when it is ready."""
        self.begin()
        self.until_ready()

    def begin(self) -> None:
        """Start it and do not wait."""
        assert self._process is None, f"{self.name} runs"
        with open(self.home / "output.log", "ab") as log:
            self._process = subprocess.Popen(
                self.command(), cwd=self.home, env=self.environ(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def until_ready(self) -> None:
        eventually(self.is_ready, timeout_s=self.start_within_s, interval_s=0.1, what=f"{self.name} is ready")

    def is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{self.output()[-3000:]}")
        try:
            return self.ask("GET", self.ready).status == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill(self) -> None:
        """SIGKILL to it and to all that it started."""
        if self._process is not None:
            self._signal(signal.SIGKILL)
            self._process.wait(10)
            self._process = None

    def stop(self) -> None:
        """SIGTERM; what is left of it after `stop_within_s` is killed. Nothing if it does not run."""
        if self._process is not None:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(AssertionError):
                eventually(self._is_gone, timeout_s=self.stop_within_s, interval_s=0.05)
            self.kill()

    def output(self) -> str:
        return (self.home / "output.log").read_text("utf-8", "replace")

    def ask(
        self, method: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> Answer:
        """One request to its API. *body* is sent as JSON unless it is bytes."""
        return ask(self.port, method, path, body, headers=headers, timeout_s=timeout_s)

    def get(self, path: str, **query: str) -> Any:
        """The JSON that GET *path* answers with. AssertionError if it is something else, such as a page."""
        answer = self.ask("GET", f"{path}?{urllib.parse.urlencode(query)}" if query else path)
        assert answer.status == 200, (self.name, path, answer)
        assert answer.headers["content-type"].startswith("application/json"), (self.name, path, answer)
        return answer.json

    def _signal(self, number: int) -> None:
        """To the whole process group: Elasticsearch is started by a launcher that stays beside it."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _is_gone(self) -> bool:
        assert self._process is not None
        self._process.poll()  # so that it is no zombie, which would count as a member of its group
        return not processes.members(self._process.pid)
