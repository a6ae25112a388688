"""
Serve one of the apps: ``python -m tests.traps.server ours|tutorial development|gunicorn FOLDER COLLECTOR``.

The port is written to ``FOLDER/port``. gunicorn has two sync workers, each of which makes a file ``FOLDER/worker-PID``,
and a preloaded app.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from werkzeug.serving import make_server

from tests.traps import apps

WORKERS = 2


def announce(port: int, folder: Path) -> None:
    (folder / "port.tmp").write_text(str(port))
    (folder / "port.tmp").rename(folder / "port")


def development(app: Flask, folder: Path) -> None:
    """Flask's development server, as ``app.run()`` makes it."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    announce(server.port, folder)
    server.serve_forever()


class Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, build: Callable[[], Flask], folder: Path) -> None:
        self._build, self._folder = build, folder
        super().__init__()

    def load_config(self) -> None:
        def ready(server: Any) -> None:
            announce(server.LISTENERS[0].sock.getsockname()[1], self._folder)

        for name, value in {
            "bind": "127.0.0.1:0", "workers": WORKERS, "worker_class": "sync", "preload_app": True, "when_ready": ready,
            # gunicorn loses a SIGTERM that comes while a worker boots
            "post_worker_init": lambda worker: (self._folder / f"worker-{worker.pid}").touch(),
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._build()


if __name__ == "__main__":
    kind, server, place, collector = sys.argv[1:]
    folder = Path(place)
    build = partial({"ours": apps.ours, "tutorial": apps.tutorial}[kind], folder, collector)
    if server == "development":
        development(build(), folder)
    else:
        Gunicorn(build, folder).run()
