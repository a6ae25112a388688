"""Ports that nothing listens on."""

from __future__ import annotations

import os
import random
import socket
from collections.abc import Sequence

from clew.parts import PORTS
from clew.supervisor import ports

ANY_PORTS = dict.fromkeys(PORTS, "0")
"""The environment in which each server of `clew up` takes a port that is free."""

_OF_TESTS = range(10_000, 20_000)  # none that `clew up` chooses
_given: set[int] = set()


def free_port() -> int:
    """
    One that no outgoing connection of this machine takes, nor a test that runs beside this one; another one at each
    call. So it may stay free for a while, and still be free then.
    """
    while (port := ports.choose({"ANY": 0}, draw=_ours)["ANY"]) in _given:
        continue
    _given.add(port)
    return port


def is_free(port: int) -> bool:
    """Whether nobody listens on *port*."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _ours(_: Sequence[int]) -> int:
    """pytest-xdist says of each of its processes which one it is of how many."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    return random.choice(_OF_TESTS[number :: int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))])
