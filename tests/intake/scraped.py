"""A target that answers what a test wants, and a scraper of it."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from clew.intake.metrics import MetricIntake
from clew.intake.prometheus_config import read_prometheus_config
from clew.intake.scrape import STALE
from clew.store import Matcher, SampleStore

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
BODY = """\
# HELP orders Placed orders.
# TYPE orders counter
orders_total{outcome="placed"} 3.0
# TYPE seconds histogram
seconds_bucket{le="1.0"} 2.0 # {trace_id="4bf92f3577b34da6a3ce929d0e0e4736",span_id="00f067aa0ba902b7"} 0.5 1795246863.0
seconds_bucket{le="+Inf"} 2.0
# EOF
"""


class Page:
    """What the server answers next, and what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.content_type = OPENMETRICS
        self.body = BODY.encode()
        self.headers: dict[str, str] = {}
        self.asked: list[dict[str, str]] = []
        self.connections: set[object] = set()
        self.close_after = False
        self.arrived = threading.Event()
        self.go = threading.Event()
        self.go.set()


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_246_900.0

    def __call__(self) -> float:
        return self.now


def intake(
    store: SampleStore,
    server: str,
    *,
    timing: str = "scrape_interval: 1h, scrape_timeout: 20s",
    extra: str = "",
    clock: Callable[[], float] = time.time,
    reports: list[str] | None = None,
    **options: int,
) -> MetricIntake:
    config = read_prometheus_config(
        f"scrape_configs: [{{job_name: order, {timing}{extra}, static_configs: [{{targets: ['order:8082']}}]}}]"
    )
    return MetricIntake(
        config,
        store,
        resolve={"order:8082": server}.__getitem__,
        clock=clock,
        report=(reports if reports is not None else []).append,
        **options,
    )


def points(store: SampleStore, name: str) -> dict[str, list[float]]:
    """Values by the labels that are not the target's."""
    return {
        ",".join(f"{key}={value}" for key, value in series.labels if key not in ("__name__", "job", "instance")): [
            value for _, value in series.points
        ]
        for series in store.select([Matcher("__name__", "=", name)], from_ms=0, to_ms=2**53)
    }


def stale(value: float) -> bool:
    return struct.pack(">d", value) == struct.pack(">d", STALE)


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Each connection is handed to *answer* as it is."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                answer(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
