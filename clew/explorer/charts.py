"""
SVG out of numbers. No library, no colours, no scripts. Pure functions that return markup; text is escaped here.

1. Lines live in a nested ``<svg viewBox="0 0 1000 100" preserveAspectRatio="none">``: they stretch with the panel
   while ``vector-effect: non-scaling-stroke`` keeps their width.
2. What must not stretch (text, dots, diamonds, ticks) is placed by per cent, outside that box.
3. A colour is a class that names a role (``c1``, ``l-error``, ``v-bad``); the style sheet decides what it looks like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from markupsafe import Markup, escape

from clew.query.words import amount, clock, day, plain, short, thousands

Values = Sequence[float | None]
Role = Callable[[str], str]

LEAST = {"%": 0.04, "ms": 1.0}
"""The smallest full scale by unit: nothing at all is a flat line at the bottom, not a chart up to 100 %."""

_NICE = (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10)
_TICKS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800)


def human(value: float | None, unit: str) -> Markup:
    """A number with its unit, which the style sheet sets smaller."""
    number, name = amount(value, unit)
    return escape(number) + (Markup('<span class="u">{}</span>').format(name) if name else Markup(""))


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """[from_ms, to_ms], milliseconds since the epoch."""

    from_ms: int
    to_ms: int

    def share(self, at_ms: float) -> float:
        """Where a moment stands, in per cent."""
        return 100 * (at_ms - self.from_ms) / max(1, self.to_ms - self.from_ms)

    def ticks(self, about: int = 6) -> list[tuple[float, str]]:
        """Round clock times, so that 14:00 is a tick whatever the range is."""
        seconds = (self.to_ms - self.from_ms) / 1000
        step_s = next((step for step in _TICKS_S if seconds / step <= about), _TICKS_S[-1] * ceil(seconds / 1e6))
        first = ceil(self.from_ms / 1000 / step_s) * step_s
        moments = range(first, self.to_ms // 1000 + 1, step_s)
        return [(self.share(moment * 1000), _tick(moment, step_s)) for moment in moments]


def _tick(moment_s: int, step_s: int) -> str:
    ns = moment_s * 1_000_000_000
    if step_s >= 86_400:
        return day(ns)[5:]
    return clock(ns, 0) if step_s < 60 else clock(ns, 0)[:5]


def nice_top(value: float) -> float:
    """The smallest round number above *value* that four grid lines divide well."""
    if value < 1e-9:
        return 1.0
    scale = 10.0 ** floor(log10(value))
    return next((step * scale for step in _NICE if step * scale >= value * 1.02), 12 * scale)


def stretch(content: str) -> str:
    return f'<svg viewBox="0 0 1000 100" preserveAspectRatio="none" width="100%" height="100%">{content}</svg>'


def line_path(values: Values, top: float) -> str:
    """A path through the values. A missing value is a gap, never a zero; a value alone between gaps is a short dash."""
    parts: list[str] = []
    last = max(1, len(values) - 1)
    for index, value in enumerate(values):
        if value is None:
            continue
        x, y = 1000 * index / last, short(100 - 100 * min(max(value, 0.0), top) / top)
        before = values[index - 1] if index else None
        after = values[index + 1] if index < len(values) - 1 else None
        parts.append(f"{'M' if before is None else 'L'}{short(x)} {y}")
        if before is None and after is None:
            parts.append(f"h{short(500 / last)}")
    return "".join(parts)


def _areas(values: Values, top: float) -> str:
    """The same closed down to the base, one area per stretch without a gap."""
    last, path, begun = max(1, len(values) - 1), "", None
    for index in range(len(values) + 1):
        known = index < len(values) and values[index] is not None
        if known and begun is None:
            begun = index
        if not known and begun is not None:
            part: list[float | None] = [None] * len(values)
            part[begun:index] = values[begun:index]
            path += f"{line_path(part, top)}L{short(1000 * (index - 1) / last)} 100L{short(1000 * begun / last)} 100Z"
            begun = None
    return path


def sparkline(values: Values, role: str, label: str, least: float = 0.0, width: str = "96") -> Markup:
    """*least* is the smallest full scale, so that noise around zero does not look like a mountain range."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    top = max(least, nice_top(max(known)))
    dot = ""
    if values[-1] is not None:
        dot = f'<circle class="end" cx="100%" cy="{short(100 - 100 * min(values[-1], top) / top)}%" r="2"/>'
    drawn = f'<path class="fill" d="{_areas(values, top)}"/><path class="line" d="{line_path(values, top)}"/>'
    return Markup(
        f'<svg class="spark {role}" width="{width}" height="22" role="img" aria-label="{escape(label)}">'
        f"{stretch(drawn)}{dot}</svg>"
    )


def y_axis(ticks: Iterable[tuple[float, str]], height: int) -> str:
    """*ticks* are (per cent from the top, text)."""
    texts = "".join(f'<text x="44" y="{short(y, 2)}%">{escape(text)}</text>' for y, text in ticks)
    return f'<svg class="y" height="{height}" aria-hidden="true">{texts}</svg>'


def x_axis(ticks: Iterable[tuple[float, str]], extra: str = "") -> str:
    """*ticks* are (per cent, text). At the edges they are set flush, so that none is cut."""
    texts = ""
    for at, text in ticks:
        side = ' class="end"' if at >= 98 else ' class="start"' if at <= 2 else ""
        texts += f'<text x="{short(at, 2)}%" y="15"{side}>{escape(text)}</text>'
    return f'<svg class="x{extra}" aria-hidden="true">{texts}</svg>'


def grid(lines: int = 4) -> str:
    return "".join(_rule(100 - 100 * i / lines, base=i == 0) for i in range(lines + 1))


def _rule(y: float, *, base: bool) -> str:
    at = short(y, 2)
    return f'<line class="{"base" if base else "gridline"}" x1="0" x2="100%" y1="{at}%" y2="{at}%"/>'


def diamond(x: float, y: float, href: str, title: str, *, this: bool = False) -> str:
    """An exemplar: one real request behind the number. The invisible square makes it easy to hit."""
    r = "6" if this else "4.5"
    return (
        f'<a href="{escape(href)}"><svg class="exemplar{" this" if this else ""}" x="{short(x, 2)}%" '
        f'y="{short(y, 2)}%" overflow="visible"><title>{escape(title)}</title>'
        f'<rect class="hit" x="-9" y="-9" width="18" height="18"/>'
        f'<path d="M0-{r}L{r} 0 0 {r}-{r} 0Z"/></svg></a>'
    )


def plot(content: str, y: str, x: str, height: int, label: str, axis: TimeAxis | None, classes: str = "") -> Markup:
    """A chart with its axes; with a time *axis* it takes part in the crosshair and in zooming."""
    span = f' data-from="{axis.from_ms}" data-to="{axis.to_ms}"' if axis else ""
    cross = '<line class="cross" x1="0" x2="0" visibility="hidden" y1="0" y2="100%"/>' if axis else ""
    return Markup(
        f'<div class="plot{classes}"{span}>{y}<svg class="area" height="{height}" role="group" '
        f'aria-label="{escape(label)}">{content}{cross}</svg>{x}</div>'
    )


@dataclass(frozen=True, slots=True)
class Gem:
    """A diamond on a time chart."""

    at_ms: int
    value: float
    href: str
    title: str


def time_plot(
    lines: Sequence[tuple[str, Values]], unit: str, axis: TimeAxis, label: str, gems: Iterable[Gem] = (),
    height: int = 132,
) -> Markup:
    """Lines of (role, values) over time, from zero; values stand at equal steps from the axis' begin to its end."""
    shown = list(gems)
    known = [value for _, values in lines for value in values if value is not None] + [gem.value for gem in shown]
    most, least = max(known, default=0.0), LEAST.get(unit, 0.0)
    top = max(least, nice_top(most)) if most else least or 1.0
    drawn = "".join(
        f'<path data-s="{number}" class="line {role}" d="{line_path(values, top)}"/>'
        for number, (role, values) in enumerate(lines)
    )
    content = grid() + stretch(drawn) + "".join(
        diamond(axis.share(gem.at_ms), 100 - 100 * gem.value / top, gem.href, gem.title) for gem in shown
    )
    return plot(content, y_axis(_quarters(top, unit), height), x_axis(axis.ticks()), height, label, axis)


def _quarters(top: float, unit: str, lines: int = 4) -> list[tuple[float, str]]:
    """Ticks carry short units; a long one (req/s) stands in the title of the panel."""
    named = unit if len(unit) < 3 else ""
    return [(100 - 100 * i / lines, plain(top * i / lines, named) if i else "0") for i in range(lines + 1)]


def data_v(values: Values) -> str:
    """The values for the crosshair."""
    return " ".join("-" if value is None else short(value, 4) for value in values)


def stack_plot(series: Sequence[tuple[str, Sequence[int]]], axis: TimeAxis, label: str, height: int = 84) -> Markup:
    """Stacked columns of (role, counts), the first at the bottom: one path per series."""
    count = max((len(counts) for _, counts in series), default=1)
    most = max((sum(column) for column in zip(*(counts for _, counts in series), strict=True)), default=0)
    top = max(4.0, nice_top(most))
    step, wide = 1000 / count, short(860 / count, 2)
    below, drawn = [0.0] * count, ""
    for role, counts in series:
        path = ""
        for place, number in enumerate(counts):
            if number:
                y, h = 100 - 100 * (below[place] + number) / top, 100 * number / top
                path += f"M{short(place * step, 2)} {short(y, 2)}h{wide}v{short(h, 2)}h-{wide}z"
                below[place] += number
        drawn += f'<path class="bar {role}" d="{path}"/>'
    quarters = y_axis(_quarters(top, "", 2), height)
    return plot(grid(2) + stretch(drawn), quarters, x_axis(axis.ticks(8)), height, label, axis)


def log_scale(low: float, high: float) -> Callable[[float], float]:
    """Value -> per cent from the top, logarithmic."""
    span = log10(high) - log10(low)
    return lambda value: 100 - 100 * (log10(min(max(value, low), high)) - log10(low)) / span


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a scatter: a request that took *duration_ms*."""

    at_ms: int
    duration_ms: float
    href: str
    title: str
    failed: bool


def scatter_plot(dots: Sequence[Dot], axis: TimeAxis, label: str, height: int = 220) -> Markup:
    """Requests by start and duration, logarithmic. Failed ones are drawn last and can be reached with Tab."""
    durations = [max(dot.duration_ms, 0.01) for dot in dots] or [1.0, 1000.0]
    low = 10.0 ** floor(log10(min(durations)))
    high = max(10.0 ** ceil(log10(max(durations) * 1.05)), low * 100)
    y_at = log_scale(low, high)
    marks = [low * 10**i for i in range(round(log10(high / low)) + 1)]
    drawn = "".join(_rule(y_at(mark), base=mark == low) for mark in marks)
    for dot in sorted(dots, key=lambda dot: dot.failed):
        role, tab = ("v-bad", "") if dot.failed else ("v-ok", ' tabindex="-1"')
        drawn += (
            f'<a href="{escape(dot.href)}"{tab}><title>{escape(dot.title)}</title>'
            f'<circle class="dot {role}" cx="{short(axis.share(dot.at_ms), 2)}%" '
            f'cy="{short(y_at(dot.duration_ms), 2)}%" r="3.5"/></a>'
        )
    ticks = [(y_at(mark), plain(mark, "ms")) for mark in marks]
    return plot(drawn, y_axis(ticks, height), x_axis(axis.ticks(8)), height, label, axis)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a histogram. *bound* labels its upper edge."""

    count: int
    bound: str
    title: str
    this: bool


def bucket_plot(bars: Sequence[Bar], label: str, marks: Sequence[tuple[float, str]] = (), height: int = 166) -> Markup:
    """A histogram, this request's bar in the colour of the thread. *marks* are (bars from the left, text)."""
    most, width = max((bar.count for bar in bars), default=1) or 1, 100 / max(1, len(bars))
    drawn = grid(2)
    last = max((place for place, _ in marks), default=0.0)
    taken = -100.0  # where the label before this one begins, if it stands to the right of its mark
    for place, text in marks:
        x, left = short(place * width, 2), (place < last and place * width > 15) or place * width > 85
        drawn += (
            f'<line class="base" x1="{x}%" x2="{x}%" y1="0" y2="100%"/><text class="halo" x="{x}%" '
            f'dx="{-4 if left else 4}" y="{6 if left or place * width - taken > 16 else 20}" '
            f'text-anchor="{"end" if left else "start"}">{escape(text)}</text>'
        )
        taken = taken if left else place * width
    for place, bar in enumerate(bars):
        h = max(78 * bar.count / most, 0.8 if bar.count or bar.this else 0)
        drawn += (
            f'<rect class="bucket{" this" if bar.this else ""}" x="{short(place * width + 0.4, 2)}%" '
            f'width="{short(width - 0.8, 2)}%" y="{short(100 - h, 2)}%" height="{short(h, 2)}%">'
            f"<title>{escape(bar.title)}</title></rect>"
            f'<text class="halo{" mark-label" if bar.this else ""}" x="{short((place + 0.5) * width, 2)}%" '
            f'y="{short(100 - h, 2)}%" dy="-5" text-anchor="middle">{thousands(bar.count) if bar.count else ""}</text>'
        )
    ticks = [((place + 1) * width, bar.bound) for place, bar in enumerate(bars[:-1])]
    return plot(drawn, "", x_axis(ticks, " many"), height, label, None, " wide")


def compare(duration_ms: float, p50_ms: float, p95_ms: float) -> Markup:
    """This request beside the p50 and p95 of its route."""
    top = max(duration_ms, p95_ms) * 1.06
    times = duration_ms / p95_ms if p95_ms else 0.0
    said = f"{plain(duration_ms, 'ms')}" + (f", {short(times)} × p95" if times > 1 else "")
    at, low, high = (short(100 * value / top, 2) for value in (duration_ms, p50_ms, p95_ms))
    side = '" text-anchor="end" dx="8"' if duration_ms / top > 0.5 else '" dx="-4"'
    flip = ' text-anchor="end" dx="-4"' if p95_ms / top > 0.7 else ""
    return Markup(
        f'<svg role="img" aria-label="This request took {escape(said)}; the route\'s p50 is {plain(p50_ms, "ms")}, '
        f'its p95 {plain(p95_ms, "ms")}"><rect class="track" width="100%" height="10" y="22" rx="2"/>'
        f'<rect class="to95" width="{high}%" height="10" y="22"/><rect class="to50" width="{low}%" height="10" y="22"/>'
        f'<rect class="me" x="0" width="{at}%" y="25.5" height="3"/>'
        f'<svg x="{at}%" y="27" overflow="visible"><path class="me" d="M0-7L7 0 0 7-7 0Z"/></svg>'
        f'<line class="base" x1="{low}%" x2="{low}%" y1="18" y2="38"/>'
        f'<line class="base" x1="{high}%" x2="{high}%" y1="18" y2="38"/>'
        f'<text x="{low}%" y="52">p50 {plain(p50_ms, "ms")}</text>'
        f'<text x="{high}%" y="{52 if (p95_ms - p50_ms) / top > 0.2 else 66}"{flip}>p95 {plain(p95_ms, "ms")}</text>'
        f'<text class="me-text" x="{at}%" y="12{side}>this request {escape(said)}</text></svg>'
    )


def minibar(share: float, role: str = "") -> Markup:
    """How much of the whole (0 to 1)."""
    return Markup(
        f'<svg class="minibar {role}" aria-hidden="true"><rect class="bg" width="100%" height="100%" rx="2"/>'
        f'<rect class="fg" width="{short(100 * min(1.0, max(0.0, share)))}%" height="100%" rx="2"/></svg>'
    )
