"""
A child for the supervisor's tests: a web server of a few lines that can misbehave in the ways real ones do.

``python tiny.py PORT [HABIT...]``, with habits ``deaf`` (ignores SIGTERM), ``fork`` (a grandchild, which is deaf,
listens on PORT), ``slow`` (listens after 30 s), ``broken`` (exits 3 at once), ``chatty`` (prints), ``unready`` (503).
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time


def serve(port: int, status: bytes) -> None:
    server = socket.create_server(("127.0.0.1", port))
    while True:
        connection, _ = server.accept()
        with connection:
            connection.recv(2000)
            connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\nok")


def main(port: int, habits: list[str]) -> None:
    if "broken" in habits:
        print("I was built wrong")
        sys.exit(3)
    if "chatty" in habits:
        print("hello from the child", flush=True)
    if "deaf" in habits:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "slow" in habits:
        time.sleep(30)
    if "fork" in habits and os.fork() > 0:
        while True:
            signal.pause()
    if "fork" in habits:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    serve(port, b"503 No" if "unready" in habits else b"200 OK")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
