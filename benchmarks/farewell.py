"""
How long a service takes to end after SIGTERM, its last request just answered: with a collector that takes spans, one
that refuses connections and one that never answers. Promised: 2 s.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import requests

ROOT = Path(__file__).resolve().parent.parent
PROMISED_S = 2.0
ROUNDS = 3


class Taking(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the table is what is printed."""


@contextmanager
def collector(kind: str) -> Iterator[int]:
    """The port of one that is *healthy*, *refusing* or *hanging*."""
    if kind == "healthy":
        with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
            threading.Thread(target=server.serve_forever).start()
            yield server.server_port
            server.shutdown()
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        if kind == "hanging":
            yield port
    if kind == "refusing":
        yield port


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def farewell(kind: str, home: Path) -> float:
    port = free_port()
    with collector(kind) as there:
        environ = {
            "PATH": os.environ["PATH"], "LOG_DIR": str(home / "logs"), "DATA_DIR": str(home / "data"),
            "METRICS_DIR": str(home / "metrics"), "LOG_STDOUT": "off", "USER_PORT": str(port),
            "TOKEN_SECRET": "a secret for a benchmark, long enough",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{there}",
        }
        process = subprocess.Popen([sys.executable, "-m", "services.user.main"], cwd=ROOT, env=environ)
        try:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                try:
                    requests.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
                    break
                except requests.ConnectionError:
                    time.sleep(0.05)
            for _ in range(40):
                requests.get(f"http://127.0.0.1:{port}/users/usr_none", timeout=5)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            return time.monotonic() - began
        finally:
            process.kill()


def main() -> int:
    late = False
    print(f"{'collector':<12}{'median s':>10}{'longest s':>11}")
    for kind in ("healthy", "refusing", "hanging"):
        took = []
        for _ in range(ROUNDS):
            with tempfile.TemporaryDirectory() as scratch:
                took.append(farewell(kind, Path(scratch)))
        print(f"{kind:<12}{median(took):>10.2f}{max(took):>11.2f}")
        late = late or median(took) > PROMISED_S
    print(f"Promised: {PROMISED_S:g} s.")
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
