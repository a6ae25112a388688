"""Ports that nothing listens on."""

from __future__ import annotations

from clew.parts import PORTS
from clew.supervisor import ports

ANY_PORTS = dict.fromkeys(PORTS, "0")
"""The environment in which each server of `clew up` takes a port that is free."""

_given: set[int] = set()


def free_port() -> int:
    """
    One that no outgoing connection of this machine takes either, before its server does; another one at each call.
    """
    while (port := ports.choose({"ANY": 0})["ANY"]) in _given:
        continue
    _given.add(port)
    return port
