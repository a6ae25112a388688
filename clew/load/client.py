"""
One connection to the gateway, kept open: http.client, because what makes the load must cost little itself.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import select
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from clew.load.journeys import Answer, Ask

_IDLE_S = 10.0
"""After this long a connection is not used again: the gateway may close it in the same moment."""


class TargetError(ValueError):
    """An address that gets no load; the message says which ones do."""


@dataclass(frozen=True, slots=True)
class Target:
    """A gateway on this machine."""

    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def target(url: str) -> Target:
    """
    The gateway at *url*.

    :raises TargetError: it is not plain HTTP on a loopback address. Load on somebody else's machine is an attack.
    """
    try:
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port or 80
    except ValueError:
        scheme, host, port = "", "", 0
    if scheme != "http" or not _is_loopback(host, port):
        raise TargetError(f"Load goes to this machine only, to http://127.0.0.1:PORT for example, not to {url}")
    return Target(host, port)


def source_address(target: Target, number: int) -> str:
    """
    The loopback address from which worker *number* comes; empty where the system has but one.

    Linux has all of 127.0.0.0/8. Visitors who all came from one address would be one visitor to a rate limit.
    """
    if not sys.platform.startswith("linux") or not target.host.startswith("127."):
        return ""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


class Client:
    """
    :param source: a loopback address to come from, so that many visitors are not one to the gateway; empty: any.
    :param timeout_s: longest wait for each part of an answer.
    """

    def __init__(
        self, target: Target, *, source: str = "", timeout_s: float = 15.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = http.client.HTTPConnection(
            target.host, target.port, timeout=timeout_s, source_address=(source, 0) if source else None
        )
        self._clock = clock
        self._used = 0.0

    def ask(self, ask: Ask, request_id: str) -> Answer:
        """The answer; one with status 0 if there is none. Never asks twice."""
        connection = self._connection
        if connection.sock is not None and (self._clock() - self._used > _IDLE_S or _was_closed(connection.sock)):
            connection.close()
        headers = {"X-Request-Id": request_id, "User-Agent": "clew-load"}
        if ask.token:
            headers["Authorization"] = f"Bearer {ask.token}"
        if ask.key:
            headers["Idempotency-Key"] = ask.key
        payload = None
        if ask.body is not None:
            headers["Content-Type"] = "application/json"
            payload = json.dumps(ask.body).encode()
        try:
            connection.request(ask.method, ask.path, payload, headers)
            response = connection.getresponse()
            raw = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return Answer(0, {}, error=str(error) or type(error).__name__)
        self._used = self._clock()
        return Answer(response.status, _object(raw), response.getheader("X-Trace-Id") or "")

    def close(self) -> None:
        self._connection.close()


def _was_closed(connection: socket.socket) -> bool:
    """Between two requests nothing may arrive but the end."""
    return bool(select.select([connection], [], [], 0)[0])


def _object(raw: bytes) -> dict[str, object]:
    try:
        value = json.loads(raw)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _is_loopback(host: str, port: int) -> bool:
    try:
        if host == "localhost":
            found = {str(address[4][0]) for address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
            return bool(found) and all(ipaddress.ip_address(one).is_loopback for one in found)
        return ipaddress.ip_address(host).is_loopback
    except (ValueError, OSError):
        return False
