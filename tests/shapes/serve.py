"""
Serve the app of `app.py` under gunicorn gthread: ``python -m tests.shapes.serve ours|tutorial FOLDER``.

Lines go to ``FOLDER/lines``, spans (one JSON document each) to ``FOLDER/spans``, the port to ``FOLDER/port``; the
tutorial's server writes its own access log to ``FOLDER/access``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication
from opentelemetry.sdk.trace import ReadableSpan

from tests.shapes.app import early_hooks, fill, middleware


def document(span: ReadableSpan) -> dict[str, Any]:
    assert span.context is not None
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": format(span.context.trace_id, "032x"),
        "status": span.status.status_code.name,
        "attributes": dict(span.attributes or {}),
        "events": [event.name for event in span.events],
        "duration": (span.end_time or 0) - (span.start_time or 0),
    }


class SpanFile:
    """A span sink that appends to a file."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def put(self, spans: Sequence[ReadableSpan], until_s: float) -> None:
        for span in spans:
            os.write(self._fd, json.dumps(document(span)).encode() + b"\n")

    def close(self, deadline_s: float) -> None:
        """Nothing waits."""

    def __len__(self) -> int:
        return 0


def ours(folder: Path) -> Flask:
    from observability import Settings, Telemetry, observe

    lines = os.open(folder / "lines", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    settings = Settings(service_name="shapes", export_delay_s=0.02, metrics_dir=folder / "metrics")
    telemetry = Telemetry(
        settings, span_sink=SpanFile(folder / "spans"), line_sink=lambda line: bool(os.write(lines, line + b"\n"))
    )
    telemetry.start()
    app = Flask("shapes")
    early_hooks(app)
    observe(app, telemetry)
    fill(app)
    app.wsgi_app = middleware(app.wsgi_app)  # type: ignore[method-assign]
    return app


def tutorial(folder: Path) -> Flask:
    from tests.shapes.tutorial import instrument

    app = Flask("shapes")
    early_hooks(app)
    instrument(app, lines=folder / "lines", spans=SpanFile(folder / "spans"))
    fill(app)
    app.wsgi_app = middleware(app.wsgi_app)  # type: ignore[method-assign]
    return app


class Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, app: Flask, folder: Path, settings: dict[str, object]) -> None:
        self._app, self._folder, self._settings = app, folder, settings
        super().__init__()

    def load_config(self) -> None:
        def announce(server: Any) -> None:
            port = server.LISTENERS[0].sock.getsockname()[1]
            (self._folder / "port.tmp").write_text(str(port))
            (self._folder / "port.tmp").rename(self._folder / "port")

        for name, value in {
            "bind": "127.0.0.1:0", "workers": 1, "threads": 4, "worker_class": "gthread", "when_ready": announce,
            "control_socket_disable": True, "graceful_timeout": 1, "keepalive": 1, **self._settings,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return self._app


def main() -> None:
    kind, folder = sys.argv[1], Path(sys.argv[2])
    if kind == "ours":
        Server(ours(folder), folder, {}).run()
    line = '{"parent": "%({traceparent}i)s", "status": %(s)s}'
    Server(tutorial(folder), folder, {"accesslog": str(folder / "access"), "access_log_format": line}).run()


if __name__ == "__main__":
    main()
