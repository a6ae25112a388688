"""
What surrounds every page: its links, its time range, and where else one can go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clew.explorer.filters import PRESETS, Pairs, Window
from clew.explorer.links import Links
from clew.query.dossier import LogRow, Word

NAV = (("overview", "/", "Overview", "o"), ("logs", "/logs", "Logs", "l"), ("traces", "/traces", "Traces", "t"))
"""The pages that exist: name, path, what it is called, its key after ``g``."""


@dataclass(frozen=True, slots=True)
class Shell:
    """
    :param active: the page's name in `NAV`.
    :param title: the page's title, without the product's name.
    :param window: its time range; None for a page without one.
    :param json_href: its twin; empty for a page without one.
    """

    active: str
    title: str
    read_at: str
    links: Links
    window: Window | None = None
    json_href: str = ""

    @property
    def nav(self) -> tuple[tuple[str, str, str, str], ...]:
        return tuple((name, self.links.to(path), text, key) for name, path, text, key in NAV)

    @property
    def presets(self) -> tuple[tuple[str, str, bool], ...]:
        last = self.window.last if self.window else ""
        return tuple((text, self.links.here({"last": name}), name == last) for name, (text, _) in PRESETS.items())

    @property
    def kept(self) -> Pairs:
        """What a form for another time range has to keep."""
        return tuple(pair for pair in self.links.pairs if pair[0] not in ("last", "from", "to", "before"))


_OVERVIEW: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "requests": ("/traces", {}),
    "rate": ("/traces", {}),
    "failing": ("/traces", {"error": "on"}),
    "slow": ("/traces", {"sort": "slowest"}),
}


def lead(links: Links, kind: str, value: str = "") -> str:
    """
    Where a word of the overview leads; empty if nowhere.
    """
    if kind in ("source", "ledger"):
        return f"#{kind}"
    if kind == "service":
        return links.to("/logs", {"service": value})
    if kind not in _OVERVIEW:
        return ""
    path, filters = _OVERVIEW[kind]
    return links.to(path, {**({"service": value} if value else {}), **filters})


def follow(links: Links, trace_id: str, word: Word) -> str:
    """
    Where a word of a dossier's verdict leads.
    """
    if word.kind == "service":
        return links.to("/logs", {"trace": trace_id, "service": word.text})
    return f"#s-{word.value}" if word.kind in ("span", "request") else ""


def line_href(links: Links, trace_id: str, row: LogRow) -> str:
    """
    Where a line of the waterfall leads: to itself, or to all lines of the trace if nothing names it alone.
    """
    event = row.document.get("event")
    named = isinstance(event, Mapping) and event.get("id") == row.id
    return links.to("/logs", {"event.id": row.id} if named else {"trace": trace_id})


def json_value(value: Any) -> str:
    """
    A value of a document as JSON shows it, except that line feeds in text are line feeds.
    """
    if isinstance(value, str):
        return '"' + "\n".join(json.dumps(part, ensure_ascii=False)[1:-1] for part in value.split("\n")) + '"'
    return json.dumps(value, ensure_ascii=False, default=str)
