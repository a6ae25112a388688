"""
A dossier for the terminal: the sentence, the waterfall with its log lines, and where the time went.
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator

from clew.query.dossier import Dossier, LogRow, RouteHistogram, SpanRow, cut, read_aloud
from clew.query.find import Found
from clew.query.words import clock, day, one_line, plain, plural, thousands

MOST_ROWS = 200
NARROWEST = 60
_RESET = "\x1b[0m"
_STYLES = {"bold": "\x1b[1m", "dim": "\x1b[2m", "bad": "\x1b[31m", "warn": "\x1b[33m", "link": "\x1b[4m"}
_SERVICES = ("\x1b[35m", "\x1b[36m", "\x1b[34m", "\x1b[32m")
_WARNING, _ERROR = ("warn", "warning"), ("error", "critical", "fatal")
_OFFSET = 9
"""Columns of the first column, the time since the request began."""


def render_text(dossier: Dossier, width: int = 100, colour: bool = False) -> str:
    """
    *dossier* in lines of at most *width* columns (at least 60), escape sequences only if *colour*. Foreign text is
    printed with its control characters spelled out, so that no log line can move the cursor.
    """
    return "\n".join(_Page(dossier, max(width, NARROWEST), colour).lines()) + "\n"


def render_found(found: Found, width: int = 100, colour: bool = False) -> str:
    """
    The choice of several requests, the best first, or the lines that carry the id outside of any request.
    """
    paint = _Paint(colour)
    many = f"{plural(len(found.candidates), 'request')} with {one_line(found.id)}. Follow one: clew follow TRACE"
    lines = [many] if found.candidates else []
    for candidate in found.candidates:
        at = f"{day(candidate.when_ns)} {clock(candidate.when_ns)}"
        lines.append(clip(f"{candidate.trace_id}  {at}  {one_line(candidate.sentence)}", width))
    if found.untraced:
        lines.append(paint("dim", f"{plural(len(found.untraced), 'line')} outside of any request:"))
        for line in found.untraced:
            said = f"{clock(line.timestamp_ns)}  {line.get('service.name', '')}  {line.get('message', '')}"
            lines.append(clip(one_line(said), width))
    return "\n".join(lines) + "\n"


class _Paint:
    """Wraps text in a style, or leaves it alone."""

    def __init__(self, on: bool) -> None:
        self._on = on
        self._services: dict[str, str] = {}

    def __call__(self, style: str, text: str) -> str:
        return f"{_STYLES[style]}{text}{_RESET}" if self._on and style and text else text

    def service(self, service: str, text: str) -> str:
        code = self._services.setdefault(service, _SERVICES[len(self._services) % len(_SERVICES)])
        return f"{code}{text}{_RESET}" if self._on and text else text


class _Page:
    """One rendering: the dossier, how wide, in colour or not."""

    def __init__(self, dossier: Dossier, width: int, colour: bool) -> None:
        self.dossier = dossier
        self.width = width
        self.paint = _Paint(colour)
        self.total_ms = max(dossier.extent_ms, dossier.duration_ms or 0.0, 0.001)
        room = width - _OFFSET - 2
        self.name_columns = min(44, room * 45 // 100)
        self.bar_columns = room - self.name_columns - 22

    def lines(self) -> Iterator[str]:
        d = self.dossier
        title = one_line(d.title) + (f"  {d.status_code}" if d.status_code else "")
        at = f"{d.at[:10]} {d.at[11:23]} UTC"
        title = clip(title, self.width - len(at) - 2)
        yield self.paint("bold", title) + " " * (self.width - len(at) - columns(title)) + self.paint("dim", at)
        yield from self._wrapped(one_line(read_aloud(d.verdict)), style="bad" if d.failed else "")
        yield ""
        yield from self._facts()
        yield ""
        shown = cut(d.rows, MOST_ROWS)
        for row in shown:
            yield self._span(row) if isinstance(row, SpanRow) else self._line(row)
        if len(shown) < len(d.rows):
            rest = f"{len(shown)} of {thousands(len(d.rows))} rows: what failed, then the longest. All: --json"
            yield self.paint("dim", rest)
        yield ""
        yield from self._foot()

    def _facts(self) -> Iterator[str]:
        d = self.dossier
        facts = [f"{fact.name} {one_line(fact.value)}" for fact in d.facts]
        counts = ((len(d.services), "service"), (d.spans_total, "span"), (d.lines_total, "log line"))
        facts.append(", ".join(plural(count, noun) for count, noun in counts))
        line = ""
        for fact in facts:
            if line and columns(line) + 3 + columns(fact) > self.width:
                yield line
                line = ""
            line = f"{line}   {fact}" if line else fact
        yield clip(line, self.width)

    def _span(self, row: SpanRow) -> str:
        indent = "  " * min(row.depth, 8)
        service = one_line(row.service)
        name = clip(f"{indent}{service} {one_line(row.title)}", self.name_columns)
        padded = name + " " * (self.name_columns - columns(name))
        head = len(indent) + len(service)
        painted = padded[: len(indent)] + self.paint.service(row.service, padded[len(indent) : head]) + padded[head:]
        took = plain(row.duration_ms, "ms")
        problem = self.paint("bad", clip(one_line(row.problem), 12)) if row.problem else ""
        bar = self.paint.service(row.service, self._bar(row))
        return f"{self._offset(row.offset_ms)}  {painted} {bar} {took.rjust(7)} {problem}".rstrip()

    def _bar(self, row: SpanRow) -> str:
        """Full: work; a line: waiting for somebody else; pale: nobody waited for it any more."""
        scale = self.bar_columns / self.total_ms
        begin = min(int(row.offset_ms * scale), self.bar_columns - 1) if row.offset_ms > 0 else 0
        end = max(begin + 1, min(self.bar_columns, round(row.end_ms * scale)))
        late = end if row.late_ms is None else max(begin, min(end, round(row.late_ms * scale)))
        mark = "━" if row.kind in ("client", "producer") else "█"
        drawn = " " * begin + mark * (late - begin) + "░" * (end - late)
        return drawn.ljust(self.bar_columns)

    def _line(self, row: LogRow) -> str:
        indent = "  " * min(row.depth, 8)
        style = "bad" if row.level in _ERROR else "warn" if row.level in _WARNING else "dim"
        said = one_line(row.message or row.action)
        owner = "" if self.dossier.spans_total else f"{one_line(row.service)} "
        text = clip(f"{indent}{owner}{one_line(row.level) or '-'}: {said}", self.width - _OFFSET - 2)
        return f"{self._offset(row.offset_ms)}  {self.paint(style, text)}".rstrip()

    def _offset(self, ms: float) -> str:
        text = "0" if ms == 0 else f"{'+' if ms > 0 else ''}{plain(ms, 'ms')}"
        return self.paint("dim", text.rjust(_OFFSET))

    def _foot(self) -> Iterator[str]:
        d = self.dossier
        if d.split and d.duration_ms is not None:
            parts = ", ".join(
                f"{one_line(share.service)} {plain(share.duration_ms, 'ms')} ({plain(share.part, '%')})"
                for share in d.split
            )
            yield from self._wrapped(f"Where the {plain(d.duration_ms, 'ms')} went: {parts}.")
        if d.histogram:
            yield from self._wrapped(_metric(d.histogram))
        for gap in d.gaps:
            yield from self._wrapped(f"Missing: {one_line(gap.sentence)}", style="" if gap.kind == "metric" else "warn")
        for other in d.also:
            also = f"Also {d.asked}: clew follow {other.trace_id}  ({other.sentence})"
            yield clip(one_line(also), self.width)

    def _wrapped(self, text: str, style: str = "") -> Iterator[str]:
        for line in textwrap.wrap(text, self.width, subsequent_indent="  ", break_on_hyphens=False):
            yield self.paint(style, line)


def _metric(histogram: RouteHistogram) -> str:
    where = one_line(f"{histogram.service} {histogram.method} {histogram.route}")
    mine = next((bucket for bucket in histogram.buckets if bucket.this), None)
    bucket = ""
    if mine is not None:
        upper = plain(mine.upper_ms, "ms") if mine.upper_ms is not None else "more"
        bucket = f"{plain(mine.lower_ms, 'ms') if mine.lower_ms else '0'} to {upper} holds {thousands(mine.count)} of "
    named = "an exemplar names this request" if histogram.exemplar else "no exemplar names this request"
    quantiles = f"p50 {plain(histogram.p50_ms, 'ms')}, p95 {plain(histogram.p95_ms, 'ms')}"
    return f"In the metric: the bucket {bucket}{plural(histogram.count, 'request')} to {where}; {quantiles}; {named}."


def columns(text: str) -> int:
    """How many columns of a terminal *text* takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def clip(text: str, most: int) -> str:
    """*text* in at most *most* columns, an ellipsis where something is left out."""
    if columns(text) <= most:
        return text
    room, kept = most - 1, ""
    for character in text:
        room -= _columns_of(character)
        if room < 0:
            break
        kept += character
    return kept + "…"
