"""
What a page's address asks for: strings in, typed filters out, every complaint at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clew.query.words import clock, day, iso

SECOND_NS = 1_000_000_000
PRESETS: Mapping[str, tuple[str, int]] = {
    "5m": ("5 min", 300), "15m": ("15 min", 900), "30m": ("30 min", 1800), "1h": ("1 h", 3600),
    "3h": ("3 h", 10_800), "6h": ("6 h", 21_600), "24h": ("24 h", 86_400), "7d": ("7 d", 604_800),
}
"""Name in the address, name on the page, seconds."""
DEFAULT = "30m"
LONGEST_S = 31 * 86_400

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(us|ms|s|m|min|h)?")
_DURATION_NS = {"us": 1_000, "ms": 1_000_000, None: 1_000_000, "s": SECOND_NS, "m": 60 * SECOND_NS,
                "min": 60 * SECOND_NS, "h": 3600 * SECOND_NS}

Pairs = tuple[tuple[str, str], ...]
"""Names and values of a query string, in order, names may repeat."""


class BadFilter(ValueError):
    """The address cannot be understood; *complaints* are sentences for whoever wrote it."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__(" ".join(complaints))
        self.complaints = tuple(complaints)


@dataclass(frozen=True, slots=True)
class Window:
    """
    A time range [from_ns, to_ns), nanoseconds since the epoch. *last* is the preset's name, empty for a fixed range.
    """

    from_ns: int
    to_ns: int
    last: str = ""

    @property
    def pairs(self) -> Pairs:
        """What an address needs to mean this range again; nothing for the default."""
        if self.last:
            return () if self.last == DEFAULT else (("last", self.last),)
        return self.fixed

    @property
    def fixed(self) -> Pairs:
        return (("from", iso(self.from_ns)), ("to", iso(self.to_ns)))

    @property
    def label(self) -> str:
        return f"Last {PRESETS[self.last][0]}" if self.last else "Fixed range"

    @property
    def text(self) -> str:
        """``13:37 – 14:07 UTC``, with the date where the range spans days."""
        seconds = self.to_ns - self.from_ns < 600 * SECOND_NS
        begin, end = (clock(moment, 0) if seconds else clock(moment, 0)[:5] for moment in (self.from_ns, self.to_ns))
        if day(self.from_ns) == day(self.to_ns):
            return f"{begin} – {end} UTC"
        return f"{day(self.from_ns)[5:]} {begin} – {day(self.to_ns)[5:]} {end} UTC"


class Query:
    """
    The pairs of one query string. Each method takes what it knows and notes what it cannot read; `check` then raises
    everything that was wrong, unknown names included.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs: Pairs = tuple((name, value.strip()) for name, value in pairs if value.strip())
        self._known = {"theme"}
        self._complaints: list[str] = []

    def all(self, name: str) -> tuple[str, ...]:
        self._known.add(name)
        return tuple(dict.fromkeys(value for key, value in self.pairs if key == name))

    def one(self, name: str, default: str = "") -> str:
        values = self.all(name)
        if len(values) > 1:
            self._complaints.append(f"{name} is given {len(values)} times, but can have one value.")
        return values[0] if values else default

    def choice(self, name: str, choices: Sequence[str]) -> str:
        """The first of *choices* is the default."""
        value = self.one(name, choices[0])
        if value not in choices:
            self._complaints.append(f"{name}={value} is not known. Use one of {', '.join(choices)}.")
            return choices[0]
        return value

    def switch(self, name: str) -> bool:
        return self.choice(name, ("off", "on")) == "on"

    def number(self, name: str, default: int, low: int, high: int) -> int:
        value = self.one(name, str(default))
        if not (value.isascii() and value.isdigit() and low <= int(value[:12]) <= high):
            self._complaints.append(f"{name}={value} is not a whole number from {low} to {high}.")
            return default
        return int(value)

    def duration_ns(self, name: str) -> int:
        """``250``, ``250ms``, ``1.5s``, ``2m``; a bare number is milliseconds."""
        value = self.one(name)
        found = _DURATION.fullmatch(value) if value else None
        if value and not found:
            self._complaints.append(f"{name}={value} is not a duration. Write 250ms, 1.5s or 2m.")
        return int(float(found[1]) * _DURATION_NS[found[2]]) if found else 0

    def hex_id(self, name: str, digits: int) -> str:
        value = self.one(name).lower()
        if value and not re.fullmatch(f"[0-9a-f]{{{digits}}}", value):
            self._complaints.append(f"{name}={value} is not an id of {digits} hexadecimal digits.")
            return ""
        return value

    def fields(self, but: Iterable[str] = ()) -> Pairs:
        """Every parameter with a dot in its name is a field of the documents: ``order.id=ord_1``."""
        found = tuple((name, value) for name, value in self.pairs if "." in name and name not in but)
        self._known.update(name for name, _ in found)
        return found

    def cursor(self, name: str) -> tuple[int, int, str] | None:
        value = self.one(name)
        if not value:
            return None
        parts = value.split("-", 2)
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts[:2]):
            self._complaints.append(f"{name}={value} is not a place in the list. Follow the link to the next lines.")
            return None
        return int(parts[0]), int(parts[1]), parts[2]

    def window(self, now_s: float, preset: str = DEFAULT) -> Window:
        """From ``last`` (a preset), or ``from`` and ``to`` (times; ``to`` may be missing or ``now``), or *preset*."""
        last, begin, end = self.one("last"), self.one("from"), self.one("to")
        now_ns = int(now_s * SECOND_NS)
        default = Window(now_ns - PRESETS[DEFAULT][1] * SECOND_NS, now_ns, DEFAULT)
        if last and (begin or end):
            self._complaints.append("last and from/to exclude each other.")
            return default
        if not begin and not end:
            if last and last not in PRESETS:
                self._complaints.append(f"last={last} is not known. Use one of {', '.join(PRESETS)}.")
                return default
            name = last or preset
            return Window(now_ns - PRESETS[name][1] * SECOND_NS, now_ns, name)
        to_ns = self._moment("to", end, now_ns)
        from_ns = self._moment("from", begin, to_ns - PRESETS[DEFAULT][1] * SECOND_NS)
        if not 0 < to_ns - from_ns <= LONGEST_S * SECOND_NS:
            self._complaints.append("from must be before to, and at most 31 days before it.")
            return default
        return Window(from_ns, to_ns)

    @property
    def names_a_range(self) -> bool:
        return any(name in ("last", "from", "to") for name, _ in self.pairs)

    def _moment(self, name: str, value: str, default_ns: int) -> int:
        if not value or value == "now":
            return default_ns
        try:
            moment = datetime.fromisoformat(value)
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            whole = int((moment.replace(microsecond=0) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
        except (ValueError, OverflowError):
            self._complaints.append(f"{name}={value} is not a time. Write 2026-11-21T14:02:07Z.")
            return default_ns
        return whole * SECOND_NS + moment.microsecond * 1000

    def check(self) -> None:
        unknown = sorted({name for name, _ in self.pairs} - self._known)
        offered = ", ".join(sorted(self._known - {"theme"}))
        complaints = [*self._complaints, *(f"There is no filter {name}. There are {offered}." for name in unknown)]
        if complaints:
            raise BadFilter(complaints)
