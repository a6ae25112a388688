"""
Where a scrape target of `prometheus.yml` really is, when the containers it is named after are processes here.
"""

from __future__ import annotations

from collections.abc import Callable

from observability import Settings


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
