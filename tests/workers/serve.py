"""
A small observed app under gunicorn gthread: ``python -m tests.workers.serve FOLDER COLLECTOR WORKERS``.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort
from gunicorn.app.base import BaseApplication

from observability import Settings, Telemetry, observe

THREADS = 4
_NEVER = threading.Event()


def build(folder: Path, collector: str) -> Flask:
    settings = Settings(
        service_name="shop", log_dir=folder / "logs", metrics_dir=folder / "metrics", log_stdout=False,
        otlp_endpoint=collector,
    )
    app = observe(Flask("shop"), Telemetry.from_settings(settings).start())
    app.after_request(whose)
    app.add_url_rule("/ok/<int:n>", view_func=lambda n: str(n), endpoint="ok")
    app.add_url_rule("/slow/<int:n>", view_func=lambda n: str(_NEVER.wait(0.03)), endpoint="slow")
    app.add_url_rule("/no/<int:n>", view_func=lambda n: abort(404), endpoint="no")
    app.add_url_rule("/boom/<int:n>", view_func=lambda n: 1 // 0, endpoint="boom")
    return app


def whose(response: Response) -> Response:
    response.headers["X-Pid"] = str(os.getpid())
    return response


class Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, app: Flask, folder: Path, workers: int) -> None:
        self._app, self._folder, self._workers = app, folder, workers
        super().__init__()

    def load_config(self) -> None:
        def announce(server: Any) -> None:
            (self._folder / "port.tmp").write_text(str(server.LISTENERS[0].sock.getsockname()[1]))
            (self._folder / "port.tmp").rename(self._folder / "port")

        for name, value in {
            "bind": "127.0.0.1:0", "workers": self._workers, "threads": THREADS, "worker_class": "gthread",
            "preload_app": True, "when_ready": announce, "control_socket_disable": True, "graceful_timeout": 2,
            "keepalive": 1,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    Server(build(folder, sys.argv[2]), folder, int(sys.argv[3])).run()
