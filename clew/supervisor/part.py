"""
What the supervisor is asked to keep running.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RUN_VARIABLE = "CLEW_RUN"
"""Every child carries the id of its run in this variable: proof, for a later sweep, that a process is ours."""


@dataclass(frozen=True, slots=True)
class Check:
    """
    GET *path* on 127.0.0.1:*port* must answer with *status*. It is not asked before the parts in *after* are ready.
    """

    port: int
    path: str
    status: int = 200
    after: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class Part:
    """
    One child process (and all that it starts).

    :param environ: the whole environment of the child; nothing is inherited.
    :param checks: must pass one after the other before the part counts as ready.
    :param after: parts that must be ready before this one starts, and outlive it when all stop.
    :param grace_s: seconds between SIGTERM and SIGKILL when the stack stops.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    cwd: Path
    port: int
    checks: tuple[Check, ...]
    after: tuple[str, ...] = ()
    grace_s: float = 2.5


@dataclass(frozen=True, slots=True)
class Policy:
    """
    How patient the supervisor is. Seconds.

    :param quick_deaths: a part that dies this often within *settled_s* of its start is given up.
    :param settled_s: a part that lived this long has its count of quick deaths forgotten.
    :param start_within_s: longest first start; after it the whole start is given up.
    :param stagger_s: on stop, a part gets its SIGTERM at the latest this long after the one before it.
    """

    first_delay_s: float = 0.5
    longest_delay_s: float = 15.0
    jitter: float = 0.2
    quick_deaths: int = 4
    settled_s: float = 10.0
    start_within_s: float = 30.0
    stagger_s: float = 0.3
    orphan_grace_s: float = 1.0
