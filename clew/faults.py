"""
The faults of a home, `faults.toml`, as `clew fault` edits them and the services read them (FAULTS_FILE).
"""

from __future__ import annotations

import fcntl
import json
import os
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from clew.home import Home

EVERY_ROUTE = "*"

_HEAD = """# Faults for exercises. Written by `clew fault`; the services look at it again at most 0.1 s after a change.
# Comments of yours are lost at the next `clew fault set` or `clew fault clear`.
"""


class FaultsError(Exception):
    """The file cannot be used; the message is one sentence and names the way on."""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    :param route: method and rule, ``GET /users/<user_id>``, or ``*``.
    :param error_ratio: 0 to 1.
    :param since: when it was set, in UTC; None in a file that a person wrote.
    """

    service: str
    route: str
    latency_ms: float
    error_ratio: float
    status: int
    since: datetime | None

    @property
    def effect(self) -> str:
        """For example ``800 ms later, 35 % answered with 503``."""
        said = [f"{self.latency_ms:g} ms later"] if self.latency_ms else []
        said += [f"{100 * self.error_ratio:g} % answered with {self.status}"] if self.error_ratio else []
        return ", ".join(said) or "nothing"

    @property
    def where(self) -> str:
        return "every route" if self.route == EVERY_ROUTE else self.route

    def since_when(self, now: datetime) -> str:
        """For example ``13:58:20Z (2 min)``."""
        if self.since is None:
            return "unknown"
        minutes = max(0, int((now - self.since).total_seconds() // 60))
        ago = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
        return f"{self.since:%H:%M:%S}Z ({ago})"


def read_faults(path: Path) -> tuple[Fault, ...]:
    """
    What the file says; nothing if there is none.

    :raises FaultsError: it is not as `clew fault` would write it.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get("fault", [])
        return tuple(
            Fault(
                service=str(table["service"]), route=str(table.get("route", EVERY_ROUTE)),
                latency_ms=float(table.get("latency_ms", 0)), error_ratio=float(table.get("error_ratio", 0)),
                status=int(table.get("status", 503)), since=_moment(table.get("since")),
            )
            for table in tables
        )
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise FaultsError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"a fault lacks {error}" if isinstance(error, KeyError) else str(error)
        raise FaultsError(f"{path} cannot be understood: {why}. Mend it, or delete it to end all faults.") from None


def sentences(faults: Iterable[Fault], now: datetime) -> list[str]:
    """A line for each fault, for people who look at something else."""
    return [f"Fault on: {f.service} {f.where}: {f.effect}, since {f.since_when(now)}." for f in faults]


def edit_faults(home: Home, change: Callable[[tuple[Fault, ...]], Iterable[Fault]]) -> None:
    """
    Replace the file of *home* by what *change* makes of its faults. One edit at a time; a reader sees the faults before
    or after, never half of them.

    :raises FaultsError: the file cannot be read or written.
    """
    path = home.faults
    try:
        with open(home.run / "faults.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            faults = tuple(change(read_faults(path)))
            fresh = path.with_suffix(".new")
            fresh.write_text(_HEAD + "".join(map(_table, faults)), "utf-8")
            os.replace(fresh, path)
    except OSError as error:
        raise FaultsError(f"Cannot write {path}: {error.strerror}.") from None


def _table(fault: Fault) -> str:
    since = f"since = {fault.since:%Y-%m-%dT%H:%M:%SZ}\n" if fault.since else ""
    return (
        f"\n[[fault]]\nservice = {_string(fault.service)}\nroute = {_string(fault.route)}\n"
        f"latency_ms = {_number(fault.latency_ms)}\nerror_ratio = {_number(fault.error_ratio)}\n"
        f"status = {fault.status}\n{since}"
    )


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a JSON string is a TOML basic string


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
