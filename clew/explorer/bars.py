"""
The drawn half of the waterfall: bars, pins and the axis. As pure as `charts`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10

from markupsafe import Markup, escape

from clew.query.dossier import LogRow, Share, SpanRow
from clew.query.words import one_line, plain, short

COLUMNS = 5
DEEPEST = 12
"""Deeper levels are drawn at this one; the style sheet has no more."""


@dataclass(frozen=True, slots=True)
class Scale:
    """
    From milliseconds to per cent. *answered_ms*: when the caller had the answer, drawn through every row.
    """

    total_ms: float
    answered_ms: float | None

    @classmethod
    def over(cls, extent_ms: float, answered_ms: float | None) -> Scale:
        """The axis ends at five round steps, with room for what is written behind the last bar."""
        wanted = max(extent_ms, 0.001) * 1.04 / COLUMNS
        magnitude = 10.0 ** floor(log10(wanted))
        step = next(nice * magnitude for nice in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if nice * magnitude >= wanted)
        return cls(step * COLUMNS, answered_ms)

    def at(self, ms: float) -> float:
        return 100 * min(max(ms, 0.0), self.total_ms) / self.total_ms

    def text(self, ms: float) -> str:
        return short(self.at(ms), 2)


def axis(scale: Scale) -> Markup:
    texts = ""
    for i in range(COLUMNS + 1):
        side = 'dx="4" y="13" text-anchor="start"' if i < COLUMNS else 'dx="-4" y="13" text-anchor="end"'
        said = plain(scale.total_ms * i / COLUMNS, "ms") if i else "0"
        texts += f'<text x="{i * 100 // COLUMNS}%" {side}>{said}</text>'
    return Markup(f'<svg aria-hidden="true">{texts}{_answer(scale, 26)}</svg>')


def _answer(scale: Scale, height: int) -> str:
    if scale.answered_ms is None:
        return ""
    x = scale.text(scale.answered_ms)
    return f'<line class="answer" x1="{x}%" x2="{x}%" y1="0" y2="{height}"/>'


def span_bar(row: SpanRow, role: str, scale: Scale) -> Markup:
    """
    Full: server and internal; pale and outlined: an outgoing call; hatched: work that nobody waited for any more; black
    line below: the answer waited for it; red cap: failed; ticks: events.
    """
    solid_end = row.end_ms if row.late_ms is None else max(row.late_ms, row.offset_ms)
    client = " client" if row.kind in ("client", "producer") else ""
    drawn = _answer(scale, 26)
    if solid_end > row.offset_ms or row.late_ms is None:
        drawn += f'<rect class="span{client}" {_stretch(scale, row.offset_ms, solid_end)} y="7" height="11" rx="1.5"/>'
    if row.late_ms is not None:
        late = _stretch(scale, solid_end, row.end_ms)
        drawn += f'<rect {late} y="7" height="11" fill="url(#late-{role})"/>'
        drawn += f'<rect class="span-late-box" {late} y="7.5" height="10"/>'
    for low, high in row.critical:
        if high - low > scale.total_ms / 250:
            drawn += f'<rect class="crit" {_stretch(scale, low, high)} y="20" height="2"/>'
    for event in row.events:
        x, name = scale.text(event.offset_ms), escape(one_line(event.name))
        drawn += f'<line class="event-tick" x1="{x}%" x2="{x}%" y1="5" y2="20"><title>{name}</title></line>'
    if row.failed:
        cap = '<rect class="fail" x="-4" width="4" height="11"/>'
        drawn += f'<svg x="{scale.text(row.end_ms)}%" y="7" overflow="visible">{cap}</svg>'
    return Markup(f'<svg class="{role}" aria-hidden="true">{drawn}{_caption(row, scale)}</svg>')


def _stretch(scale: Scale, low: float, high: float) -> str:
    width = max(scale.at(high) - scale.at(low), 0.2)
    return f'x="{scale.text(low)}%" width="{short(width, 2)}%"'


def _caption(row: SpanRow, scale: Scale) -> str:
    text = escape(one_line(f"{plain(row.duration_ms, 'ms')} {row.problem}".strip()))
    tone = "bad-text halo" if row.failed else "halo"
    if scale.at(row.end_ms) < 84 or scale.at(row.offset_ms) < 16:
        return f'<text class="{tone}" x="{scale.text(row.end_ms)}%" dx="6" y="12.5">{text}</text>'
    return f'<text class="{tone}" x="{scale.text(row.offset_ms)}%" dx="-6" y="12.5" text-anchor="end">{text}</text>'


def log_pin(row: LogRow, scale: Scale) -> Markup:
    x = scale.text(row.offset_ms)
    return Markup(
        f'<svg aria-hidden="true">{_answer(scale, 22)}<circle class="pin" cx="{x}%" cy="11" r="4"/></svg>'
    )


def log_side(row: LogRow, scale: Scale) -> str:
    """The classes of a line's text: beside its own moment, in the right half to the left of it."""
    x = round(scale.at(row.offset_ms))
    return f"x{x} back" if x > 52 else f"x{x}"


def depth_class(row: SpanRow | LogRow) -> str:
    return f"d{min(row.depth, DEEPEST)}"


def split_bar(shares: Sequence[tuple[Share, str]], scale: Scale) -> Markup:
    """Whom the answer waited for, as one bar; *shares* are (share, role)."""
    x, drawn = 0.0, ""
    for share, role in shares:
        drawn += f'<rect class="span {role}" {_stretch(scale, x, x + share.duration_ms)} height="10"/>'
        x += share.duration_ms
    return Markup(f'<svg aria-hidden="true">{drawn}</svg>')
