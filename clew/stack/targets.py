"""
Where a scrape target of `prometheus.yml` really is, when the containers it is named after are processes here.

The stack starts before the services. It gives them a moment, so that a start does not begin with three alarms.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from clew.intake.prometheus_config import PrometheusConfig
from observability import Settings

ELSEWHERE: Mapping[str, str] = {
    "jaeger:8889": "Jaeger makes these series of spans, and none runs here; the spans themselves are on /traces",
}
"""
Targets that the real stack alone has, and why. Scraped in vain they would be an `up` of 0, which says "down" of
something that nobody started (decisions/0013).
"""


def resolver(settings: Settings) -> Callable[[str], str]:
    """
    Maps ``gateway:8080`` to the gateway's own port on this machine, and so for every service that `clew up` runs,
    whatever port the file names. Any other address is where it says.
    """
    ports = {"gateway": settings.gateway_port, "user": settings.user_port, "order": settings.order_port}

    def resolve(address: str) -> str:
        host = address.rpartition(":")[0] or address
        return f"127.0.0.1:{ports[host]}" if host in ports else address

    return resolve


def scraped_here(config: PrometheusConfig) -> PrometheusConfig:
    """*config* without the targets that are `ELSEWHERE`."""
    jobs = (
        replace(job, targets=tuple(target for target in job.targets if target.address not in ELSEWHERE))
        for job in config.jobs
    )
    return replace(config, jobs=tuple(jobs))


def wait_for_listeners(
    addresses: Iterable[str], stop: threading.Event, *, within_s: float, clock: Callable[[], float] = time.monotonic
) -> None:
    """
    Return when something listens at each of *addresses* (``host:port``), after *within_s* seconds, or when *stop* is.
    """
    deadline = clock() + within_s
    silent = set(addresses)
    while silent and clock() < deadline:
        silent = {address for address in silent if not _listens(address)}
        if silent and stop.wait(0.1):
            return


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=0.2).close()
    except (OSError, ValueError):
        return False
    return True
