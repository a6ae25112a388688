"""
Where things lead, and which colour a service has.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from clew.explorer.filters import Pairs, Window
from clew.query.words import filter_text

COLOURS = 8
_RFC3339 = "%Y-%m-%dT%H:%M:%S.%fZ"
_OWN_FILTERS = {"log.level": "level", "service.name": "service", "trace.id": "trace"}
LEVELS = {
    "trace": "l-trace", "debug": "l-debug", "info": "l-info", "notice": "l-info", "warn": "l-warn", "warning": "l-warn",
    "error": "l-error", "critical": "l-fatal", "fatal": "l-fatal",
}


def level_role(level: str) -> str:
    """The style sheet's class of a log level; what is not a level looks like ``trace``."""
    return LEVELS.get(level.lower(), "l-trace")


class Palette:
    """
    Gives services the colours ``c1`` … ``c8`` in the order they are first seen, and keeps them; later ones are grey.
    Safe to use from several threads.
    """

    def __init__(self, first: Iterable[str] = ("gateway", "order", "user")) -> None:
        self._lock = threading.Lock()
        self._roles: dict[str, str] = {}
        for service in first:
            self.role(service)

    def role(self, service: str) -> str:
        with self._lock:
            known = self._roles.get(service)
            if known is None:
                number = len(self._roles) + 1
                if number > COLOURS:
                    return "c-ink"
                known = self._roles[service] = f"c{number}"
            return known


def address(path: str, pairs: Iterable[tuple[str, str]] = ()) -> str:
    query = urlencode(list(pairs), safe=":/.")
    return f"{path}?{query}" if query else path


class Links:
    """
    The links of one page: to other pages with the same time range, and to this page with other filters.
    """

    def __init__(self, path: str, pairs: Pairs, window: Window | None) -> None:
        self.path = path
        self.pairs = pairs
        self.window = window

    def to(self, path: str, filters: Mapping[str, str] | None = None) -> str:
        return address(path, (*(self.window.pairs if self.window else ()), *(filters or {}).items()))

    def request(self, any_id: str) -> str:
        return f"/requests/{quote(any_id, safe='')}"

    def around(self, path: str, at: str, seconds: float) -> str:
        """*path* with the range from *seconds* before the moment *at* (RFC 3339) to *seconds* after it."""
        moment = datetime.fromisoformat(at)
        begin, end = moment - timedelta(seconds=seconds), moment + timedelta(seconds=seconds)
        return address(path, (("from", f"{begin:{_RFC3339}}"), ("to", f"{end:{_RFC3339}}")))

    def field(self, name: str, value: object) -> str | None:
        """The log lines whose field *name* has this *value*; None if that cannot be asked for."""
        text = filter_text(value)
        if not text or not text.strip():
            return None
        if name == "message":
            return self.to("/logs", {"q": text})
        if name in _OWN_FILTERS:
            return self.to("/logs", {_OWN_FILTERS[name]: text})
        return self.to("/logs", {name: text}) if "." in name else None

    def here(self, changes: Mapping[str, str | None]) -> str:
        """This page with *changes*: None removes a filter, a value replaces it. The place in a list starts anew."""
        dropped = {*changes, "before"} | ({"last", "from", "to"} if {"last", "from", "to"} & set(changes) else set())
        kept = [pair for pair in self.pairs if pair[0] not in dropped]
        return address(self.path, [*kept, *((name, value) for name, value in changes.items() if value is not None)])

    def without(self, name: str, value: str) -> str:
        """This page without one of its filters."""
        return address(self.path, [pair for pair in self.pairs if pair != (name, value) and pair[0] != "before"])

    def as_json(self) -> str:
        return address("/overview.json" if self.path == "/" else self.path + ".json", self.pairs)
