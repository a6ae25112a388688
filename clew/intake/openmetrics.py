"""
What a `/metrics` answer says: OpenMetrics 1.0 text with exemplars, and the older Prometheus text format 0.0.4.

As strict as Prometheus itself (``model/textparse``, 3.x), not more: a body it would refuse is refused whole, and what
it stores is what comes out here, down to the spelling of ``le`` (`1` becomes `1.0`). Names in quotes (UTF-8 names) are
not read; they are not asked for either.

Written by hand because the official parser takes 19 us a sample. Here the text of a series is looked up, and read only
the first time: about 1 us a sample from the second scrape on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from clew.store import Labels, labels_of

OPENMETRICS = "application/openmetrics-text"
CLASSIC = "text/plain"

_TYPES = {
    OPENMETRICS: {"counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset", "unknown"},
    CLASSIC: {"counter", "gauge", "histogram", "summary", "untyped"},
}
_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_PAIR = {
    OPENMETRICS: re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"\\]*(?:\\.[^"\\]*)*)"'),
    CLASSIC: re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t]*'),
}
_CLOSE = {OPENMETRICS: re.compile(r"\}"), CLASSIC: re.compile(r"[ \t]*\}")}
_NUMBER = re.compile(r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf|infinity)|nan", re.IGNORECASE)
_ESCAPE = re.compile(r'\\[\\n"]')
_ESCAPED = {"\\\\": "\\", "\\n": "\n", '\\"': '"'}


class ParseError(ValueError):
    """The body breaks the format; the message names the line."""


class ParsedSample(NamedTuple):
    """
    :param timestamp_ms: only if the target gave one.
    """

    labels: Labels
    value: float
    timestamp_ms: int | None


class ParsedExemplar(NamedTuple):
    """
    :param series: the labels of the sample it stands on.
    :param text: as it is in the body: the same text again is the same exemplar again.
    """

    series: Labels
    labels: Labels
    value: float
    timestamp_ms: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Exposition:
    """
    :param metadata: type, help and unit by the family's name as it stands in the body (in OpenMetrics a counter's
        family has no ``_total``); the classic ``untyped`` is ``unknown``.
    """

    samples: list[ParsedSample] = field(default_factory=list)
    exemplars: list[ParsedExemplar] = field(default_factory=list)
    metadata: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)


class ExpositionParser:
    """
    Parses one target's bodies, one after the other. Not for several threads.

    :param finish: gets the labels of each series when it is first seen, and returns those that are stored.
    """

    def __init__(self, finish: Callable[[Labels], Labels] = lambda labels: labels) -> None:
        self._finish = finish
        self._known: dict[str, Labels] = {}

    def parse(self, body: bytes, media_type: str) -> Exposition:
        """
        The whole of *body*. :param media_type: `OPENMETRICS` or `CLASSIC`. :raises ParseError: nothing of it is used.
        """
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError as error:
            line = body.count(b"\n", 0, error.start) + 1
            raise ParseError(f"line {line}: not UTF-8") from error
        run = _Run(media_type, self._known, self._finish)
        found = run.lines(text)
        self._known = run.seen  # what is no longer exposed is forgotten
        return found


@dataclass(slots=True)
class _Run:
    """One body on its way through."""

    media_type: str
    known: Mapping[str, Labels]
    finish: Callable[[Labels], Labels]
    seen: dict[str, Labels] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)
    samples: list[ParsedSample] = field(default_factory=list)
    exemplars: list[ParsedExemplar] = field(default_factory=list)

    def lines(self, text: str) -> Exposition:
        openmetrics = self.media_type == OPENMETRICS
        lines = text.split("\n")
        end = lines.pop()  # what follows the last line break
        if openmetrics:
            if end == "# EOF":
                end = ""
            elif end or not lines or lines.pop() != "# EOF":
                last = text.count("\n") + bool(end)
                raise ParseError(f"line {last}: the body does not end with # EOF")
        else:
            lines.append(end)
        for number, line in enumerate(lines, 1):
            line = line if openmetrics else line.lstrip(" \t")
            try:
                if line.startswith("#"):
                    self._comment(line)
                elif openmetrics:
                    self._sample(line)
                elif line:
                    self._classic_sample(line)
            except ValueError as error:
                raise ParseError(f"line {number}: {error}: {line[:120]!r}") from error
        return Exposition(self.samples, self.exemplars, self._metadata())

    def _metadata(self) -> dict[str, tuple[str, str, str]]:
        names = {**self.types, **self.helps, **self.units}
        return {
            name: (self.types.get(name, "unknown"), self.helps.get(name, ""), self.units.get(name, ""))
            for name in names
        }

    def _comment(self, line: str) -> None:
        openmetrics = self.media_type == OPENMETRICS
        parts = line.split(" ", 3) if openmetrics else line.split(None, 3)
        word = parts[1] if len(parts) > 1 and parts[0] == "#" else ""
        if word not in ("TYPE", "HELP", "UNIT") or (word == "UNIT" and not openmetrics):
            if openmetrics:
                raise ValueError("unexpected data after # EOF" if line == "# EOF" else "neither TYPE, HELP nor UNIT")
            return
        if len(parts) < 3 and not openmetrics:
            return
        if len(parts) < 3 + openmetrics or not _NAME.fullmatch(parts[2]):
            raise ValueError(f"{word} without a metric name or a text")
        name, text = parts[2], parts[3] if len(parts) > 3 else ""
        if word == "TYPE":
            if text not in _TYPES[self.media_type]:
                raise ValueError(f"'{text}' is no metric type")
            self.types[name] = "unknown" if text == "untyped" else text
        elif word == "HELP":
            self.helps[name] = _unescape(text)
        else:
            if text and not name.endswith(f"_{text}"):
                raise ValueError(f"the unit '{text}' is not a suffix of the name")
            self.units[name] = text

    def _sample(self, line: str) -> None:
        end = line.find("} ")
        key = line[: end + 1] if end >= 0 else line[: line.find(" ")]
        labels = self.known.get(key) or self.seen.get(key)
        if labels is None:
            end = self._series_end(line)
            key = line[:end]
            labels = self._labels(line, end)
        self.seen[key] = labels
        rest = line[len(key) :]
        if not rest.startswith(" "):
            raise ValueError("a value must follow the series")
        value, blank, more = rest[1:].partition(" ")
        timestamp_ms = None
        if blank and not more.startswith("# {"):
            stamp, blank, more = more.partition(" ")
            timestamp_ms = _seconds_as_ms(stamp)
        self.samples.append(ParsedSample(labels, _number(value), timestamp_ms))
        if blank:
            self._exemplar(labels, more)

    def _exemplar(self, series: Labels, text: str) -> None:
        if not text.startswith("# {"):
            raise ValueError("an exemplar must follow the timestamp, or nothing")
        pairs, end = self._pairs(text, 3)
        value, *stamp = text[end + 1 :].split(" ")
        if text[end : end + 1] != " " or len(stamp) > 1:
            raise ValueError("an exemplar is labels, a value and perhaps a timestamp")
        timestamp_ms = _seconds_as_ms(stamp[0]) if stamp else None
        self.exemplars.append(ParsedExemplar(series, labels_of(dict(pairs)), _number(value), timestamp_ms, text))

    def _classic_sample(self, line: str) -> None:
        end = self._series_end(line)
        key = line[:end]
        labels = self.known.get(key) or self.seen.get(key) or self._labels(line, end)
        self.seen[key] = labels
        value, *stamp = line[end:].split()
        if len(stamp) > 1 or (stamp and not re.fullmatch("[0-9]+", stamp[0])):
            raise ValueError("a sample is a series, a value and perhaps a timestamp in milliseconds")
        self.samples.append(ParsedSample(labels, _number(value), int(stamp[0]) if stamp else None))

    def _series_end(self, line: str) -> int:
        name = _NAME.match(line)
        if name is None:
            raise ValueError("a sample must start with a metric name")
        brace = name.end()
        if self.media_type == CLASSIC:
            brace += len(line[brace:]) - len(line[brace:].lstrip(" \t"))
        if line[brace : brace + 1] != "{":
            return name.end()
        return self._pairs(line, brace + 1)[1]

    def _labels(self, line: str, end: int) -> Labels:
        brace = line.find("{", 0, end)
        name = line[: brace if brace >= 0 else end].rstrip(" \t")
        pairs = self._pairs(line, brace + 1)[0] if brace >= 0 else []
        labels = {"__name__": name, **dict(pairs)}
        if len(labels) != len(pairs) + 1:
            raise ValueError("a label stands twice")
        for family, bound, suffix in (("histogram", "le", "_bucket"), ("summary", "quantile", "")):
            if bound in labels and self.types.get(name.removesuffix(suffix)) == family:
                labels[bound] = _as_float_text(labels[bound])
        return self.finish(labels_of(labels))

    def _pairs(self, text: str, position: int) -> tuple[list[tuple[str, str]], int]:
        """Label pairs from *position*, just behind the brace, and where the closing brace ends."""
        pattern, closing = _PAIR[self.media_type], _CLOSE[self.media_type]
        pairs: list[tuple[str, str]] = []
        while (close := closing.match(text, position)) is None:
            pair = pattern.match(text, position)
            if pair is None:
                raise ValueError('expected name="value" or }')
            pairs.append((pair[1], _unescape(pair[2])))
            position = pair.end()
            if text[position : position + 1] == ",":
                position += 1
            elif text[position : position + 1] != "}":
                raise ValueError("expected a comma or } after a label")
        return pairs, close.end()


def _unescape(text: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPED[found[0]], text) if "\\" in text else text


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError(f"'{text[:40]}' is not a number")
    return float(text)


def _seconds_as_ms(text: str) -> int:
    seconds = _number(text)
    if seconds != seconds or abs(seconds) > 1e15:
        raise ValueError(f"'{text[:40]}' is not a timestamp")
    return int(seconds * 1000)


def _as_float_text(text: str) -> str:
    """A bucket's bound as OpenMetrics spells it; what is not a number stays."""
    try:
        number = _number(text)
    except ValueError:
        return text
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    if number != number:
        return "NaN"
    if number == 0 or 1e-4 <= abs(number) < 1e6:
        return repr(number)
    # As Go's strconv: the shortest digits, and an exponent of at least two.
    mantissa, _, exponent = f"{Decimal(repr(number)).normalize():e}".partition("e")
    return f"{mantissa}e{int(exponent):+03d}"
