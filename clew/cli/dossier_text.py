"""
A dossier as text: the waterfall with every log line in its place, whom the answer waited for, and the histogram.

The same document as the page and its ``.json`` twin, the same words, in a terminal's means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from clew.query.dossier import Dossier, LogRow, RouteHistogram, Row, SpanRow, cut, read_aloud
from clew.query.find import Found
from clew.query.words import clock, day, one_line, plain, plural

MOST_ROWS = 200
_OFFSET, _DURATION, _SERVICE, _NAME = 11, 8, 9, 36
_SEVERE = ("warn", "warning", "error", "critical", "fatal")


@dataclass(frozen=True, slots=True)
class Style:
    """
    :param width: characters in a line.
    :param colours: whether escape sequences are understood.
    :param blocks: whether block characters can be shown; else plain ASCII.
    """

    width: int = 100
    colours: bool = False
    blocks: bool = True

    def paint(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.colours and codes else text

    def service(self, name: str) -> str:
        """*name* in the hue that the explorer gives it, filled up to a column's width."""
        hue = {"gateway": "99", "order": "37", "user": "169"}.get(name)
        return self.paint(_cut(name, _SERVICE - 1).ljust(_SERVICE), *(("38", "5", hue) if hue else ()))


_DIM, _BAD, _WARN, _THREAD, _STRONG = "2", "31", "33", "38;5;33", "1"


def dossier_text(dossier: Dossier, style: Style) -> str:
    """
    *dossier* for a person. Text from outside is on one line and cannot command the terminal.
    """
    sections = (_head(dossier, style), _waterfall(dossier, style), _split(dossier), _foot(dossier, style))
    return "\n".join(line for section in sections for line in section)


def found_text(found: Found) -> str:
    """Several requests for one id: one line each."""
    count = plural(len(found.candidates), "request")
    lines = [f"{one_line(found.id)} leads to {count}. Follow one by its trace id:", ""]
    lines += [f"  {c.trace_id}  {day(c.when_ns)} {clock(c.when_ns)}  {one_line(c.sentence)}" for c in found.candidates]
    lines += [f"  outside of any request: {one_line(str(line.get('message', '')))}" for line in found.untraced]
    return "\n".join(lines)


def _head(dossier: Dossier, style: Style) -> Iterator[str]:
    yield style.paint(one_line(read_aloud(dossier.verdict)), *((_BAD, _STRONG) if dossier.failed else (_STRONG,)))
    facts = [f"{fact.name} {one_line(fact.value)}" for fact in dossier.facts]
    yield style.paint(dossier.at, _DIM)
    for place in range(0, len(facts), 2):
        yield style.paint("  ".join(facts[place : place + 2]), _DIM)
    yield ""


def _waterfall(dossier: Dossier, style: Style) -> Iterator[str]:
    rows = cut(dossier.rows, MOST_ROWS)
    extent_ms = max(dossier.extent_ms, dossier.duration_ms or 0.0, 0.001)
    for row in rows:
        yield _span(row, extent_ms, style) if isinstance(row, SpanRow) else _line(row, style)
    if len(rows) < len(dossier.rows):
        yield f"… and {plural(len(dossier.rows) - len(rows), 'row')} more: --json has all of them."


def _span(row: SpanRow, extent_ms: float, style: Style) -> str:
    title = row.title + (f" ({row.problem})" if row.problem else "")
    name = _cut("  " * row.depth + one_line(title), _NAME - 1).ljust(_NAME)
    bar = _bar(row, extent_ms, max(10, style.width - _OFFSET - _DURATION - _SERVICE - _NAME - 3), style)
    return (
        f"{_offset(row)}{plain(row.duration_ms, 'ms'):>{_DURATION}}  {style.service(row.service)}"
        f"{style.paint(name, *((_BAD,) if row.failed else ()))}{bar}"
    )


def _bar(row: SpanRow, extent_ms: float, width: int, style: Style) -> str:
    start = min(width - 1, int(row.offset_ms / extent_ms * width))
    length = max(1, min(width - start, round(row.duration_ms / extent_ms * width)))
    server, client = ("█", "░") if style.blocks else ("#", "-")
    drawn = (client if row.kind == "client" else server) * length
    return " " * start + style.paint(drawn, *((_BAD,) if row.failed else (_THREAD,)))


def _line(row: LogRow, style: Style) -> str:
    level = (_BAD,) if row.failed else (_WARN,) if row.level in _SEVERE else ()
    mark = "·" if style.blocks else "."
    room = max(20, style.width - _OFFSET - _DURATION - _SERVICE - 2)
    said = _cut(f"{'  ' * row.depth}{mark} {row.level} {row.action or '-'}  {one_line(row.message)}", room)
    return f"{_offset(row)}{'':>{_DURATION}}  {style.service(row.service)}{style.paint(said, *(level or (_DIM,)))}"


def _offset(row: Row) -> str:
    return f"{row.offset_ms:>+{_OFFSET - 3}.1f} ms".rjust(_OFFSET)


def _split(dossier: Dossier) -> Iterator[str]:
    if dossier.split:
        shares = (f"{one_line(s.service)} {plain(s.duration_ms, 'ms')} ({s.part:.0%})" for s in dossier.split)
        yield ""
        yield f"The answer waited for {', '.join(shares)}."


def _foot(dossier: Dossier, style: Style) -> Iterator[str]:
    if dossier.histogram is not None:
        yield ""
        yield from _histogram(dossier.histogram, style)
    if dossier.gaps or dossier.also:
        yield ""
    for gap in dossier.gaps:
        yield style.paint(f"Missing: {one_line(gap.sentence)}", _WARN)
    for other in dossier.also:
        yield f"Also: {other.trace_id}  {other.at}  {one_line(other.sentence)}"


def _histogram(histogram: RouteHistogram, style: Style) -> Iterator[str]:
    quantiles = f"p50 {plain(histogram.p50_ms, 'ms')}, p95 {plain(histogram.p95_ms, 'ms')}"
    route = f"{histogram.method} {one_line(histogram.route)} of {one_line(histogram.service)}"
    yield f"{route}: {plural(histogram.count, 'request')}, {quantiles}"
    filled = [place for place, bucket in enumerate(histogram.buckets) if bucket.count or bucket.this]
    most = max((bucket.count for bucket in histogram.buckets), default=0) or 1
    block = "█" if style.blocks else "#"
    for bucket in histogram.buckets[max(0, filled[0] - 1) : filled[-1] + 2] if filled else ():
        endless = bucket.upper_ms is None
        bound = f"above {plain(bucket.lower_ms, 'ms')}" if endless else f"to {plain(bucket.upper_ms, 'ms')}"
        bar = block * max(bool(bucket.count), round(bucket.count / most * 24))
        mine = f" <- this request{_exemplar(histogram)}" if bucket.this else ""
        yield f"{bound:>16} {bucket.count:>6}  {style.paint(bar + mine, *((_THREAD,) if bucket.this else ()))}".rstrip()


def _exemplar(histogram: RouteHistogram) -> str:
    return f", {plain(histogram.exemplar.value_ms, 'ms')} says its exemplar" if histogram.exemplar else ""


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
