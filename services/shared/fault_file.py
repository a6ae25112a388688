"""The file of faults: TOML 1.0, a table ``[[fault]]`` for each, the first mistake named with its line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

EVERY_ROUTE = "*"
LONGEST_LATENCY_MS = 60_000
KEYS = ("service", "route", "latency_ms", "error_ratio", "status", "since")

_HEADER = re.compile(r"\s*\[\[\s*fault\s*\]\]")
_ROUTE = re.compile(r"[A-Z]+ /\S*")


class FaultFileError(ValueError):
    """The file says something that cannot be done; the message begins with the line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """
    What goes wrong on purpose.

    :param route: method and rule, ``GET /users/<user_id>``, or ``*`` for every route of the service.
    :param latency_ms: how much later the view begins, 0 to 60000.
    :param error_ratio: the share of requests, 0 to 1, that are answered with *status* instead of by the view.
    """

    service: str
    route: str
    latency_ms: float = 0
    error_ratio: float = 0
    status: int = 503


def read_faults(raw: bytes) -> tuple[Fault, ...]:
    """
    The faults of a file. A key ``since`` (when somebody set it) is for people and is not looked at.

    :raises FaultFileError: at the first mistake.
    """
    try:
        text = raw.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise FaultFileError(f"line {line}: this is not UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise FaultFileError(_toml_mistake(str(error), text)) from None
    tables = document.pop("fault", [])
    lines = text.splitlines()
    for name in document:
        raise FaultFileError(f"line {_line(lines, name)}: {name!r} is not known here. A fault begins with [[fault]].")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise FaultFileError(f"line {_line(lines, 'fault')}: a fault begins with [[fault]], in double brackets.")
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    faults: dict[tuple[str, str], Fault] = {}
    for place, table in enumerate(tables):
        first = headers[place] if place < len(headers) else 0
        until = headers[place + 1] if place + 1 < len(headers) else len(lines)
        fault = _Table(table, lines, first, until).fault()
        if (fault.service, fault.route) in faults:
            raise FaultFileError(f"line {first + 1}: a fault for {fault.service} {fault.route} was there already.")
        faults[fault.service, fault.route] = fault
    return tuple(faults.values())


@dataclass(frozen=True, slots=True)
class _Table:
    """One fault as it was written, between two lines (counted from 0)."""

    values: dict[str, object]
    lines: list[str]
    first: int
    until: int

    def fault(self) -> Fault:
        values = self.values
        for key in values:
            if key not in KEYS:
                raise self._wrong(key, f"{key!r} is not known. A fault has {', '.join(KEYS[:-1])}.")
        service, route = values.get("service"), values.get("route", EVERY_ROUTE)
        if not isinstance(service, str) or not service:
            raise self._wrong("service", "service must be the name of a service.")
        if not isinstance(route, str) or not (route == EVERY_ROUTE or _ROUTE.fullmatch(route)):
            example = '"GET /users/<user_id>"'
            raise self._wrong("route", f'route must be a method and a rule, such as {example}, or "*".')
        status = values.get("status", 503)
        if not isinstance(status, int) or isinstance(status, bool) or not 400 <= status <= 599:
            raise self._wrong("status", "status must be a whole number from 400 to 599.")
        latency_ms = self._number("latency_ms", most=LONGEST_LATENCY_MS)
        return Fault(service, route, latency_ms, self._number("error_ratio", most=1), status)

    def _number(self, key: str, *, most: int) -> float:
        value = self.values.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise self._wrong(key, f"{key} must be a number from 0 to {most}.")
        return value

    def _wrong(self, key: str, sentence: str) -> FaultFileError:
        return FaultFileError(f"line {_line(self.lines, key, self.first, self.until)}: {sentence}")


def _line(lines: list[str], key: str, first: int = 0, until: int | None = None) -> int:
    """Where *key* is set between two lines; the first of them if it is nowhere. Counted from 1."""
    pattern = re.compile(rf"""[\s\[{{,]*["']?{re.escape(key)}["']?\s*[=\].]""")
    for number, line in enumerate(lines[first:until], first):
        if pattern.match(line):
            return number + 1
    return first + 1


def _toml_mistake(message: str, text: str) -> str:
    """tomllib says ``what (at line 3, column 9)`` or ``what (at end of document)``."""
    what, _, where = message.rpartition(" (at ")
    found = re.match(r"line (\d+)", where)
    line = int(found[1]) if found else len(text.splitlines()) or 1
    return f"line {line}: this is not TOML. {what}."
