"""
From view models to HTML: what templates may call, in one place.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Flask, render_template
from jinja2 import StrictUndefined
from markupsafe import Markup

from clew.explorer import bars, charts, shell
from clew.explorer.links import Palette, level_role
from clew.explorer.shell import Shell
from clew.explorer.views.logs import Choice, LogsPage
from clew.explorer.views.parts import ExemplarMark, Panel
from clew.explorer.views.request import own_bucket
from clew.explorer.views.traces import TracesPage
from clew.query.dossier import Share
from clew.query.words import plain, plural, short, thousands, visible

KEYS = (
    ("find any id", "/"), ("edit the query", "q"), ("next, previous row", "jk"), ("open the row", ("Enter",)),
    ("overview", "go"), ("logs", "gl"), ("traces", "gt"), ("time range", "t"), ("earlier, later", "[]"),
    ("zoom out", "-"),
    ("log lines in the waterfall", "x"), ("read again", "r"), ("leave a field, close", ("Esc",)), ("this list", "?"),
)
_SHORT = {"http.response.status_code": "http", "http.route": "route", "event.action": "action"}


def moment(at: str, digits: int = 3) -> str:
    """The time of day of an RFC 3339 text."""
    return at[11 : 20 + digits - (0 if digits else 1)]


def offset(ms: float) -> str:
    """Milliseconds since the request began."""
    return "0" if ms == 0 else f"{'+' if ms > 0 else ''}{plain(ms, 'ms')}"


def ago(since: str, now: str) -> str:
    """The time between two RFC 3339 texts."""
    return plain((datetime.fromisoformat(now) - datetime.fromisoformat(since)).total_seconds() * 1000, "ms")


def duration_text(ms: float) -> str:
    """As the filter form reads it again; empty for none."""
    return f"{short(ms, 3)}ms" if ms else ""


def prepare(app: Flask, palette: Palette) -> None:
    """
    Make the functions known to templates. Every text that a template prints has its control characters spelled out.
    """
    role = palette.role

    def draw_panel(panel: Panel) -> Markup:
        return charts.time_plot(
            [(f"{role(line.service)} {line.style}".strip(), line.values) for line in panel.lines],
            panel.unit,
            charts.TimeAxis(panel.from_ms, panel.to_ms),
            panel.title,
            [_gem(mark) for mark in panel.exemplars],
        )

    def draw_scatter(page: TracesPage) -> Markup:
        dots = [
            charts.Dot(
                row.at_ms, row.duration_ms, f"/requests/{row.trace_id}",
                f"{plain(row.duration_ms, 'ms')}, {row.service} {row.name}, {moment(row.at)}", row.failed,
            )
            for row in page.traces
        ]
        return charts.scatter_plot(dots, _axis(page.range.begin, page.range.end), "Traces by start and duration")

    def draw_split(shares: Sequence[Share], scale: bars.Scale) -> Markup:
        return bars.split_bar([(share, role(share.service)) for share in shares], scale)

    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.finalize = _spelled
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        ago=ago, bars=bars, bucket_plot=charts.bucket_plot, compare=charts.compare, count=thousands,
        data_v=charts.data_v, draw_facet=draw_facet, draw_log_bars=draw_log_bars, draw_panel=draw_panel,
        draw_scatter=draw_scatter, draw_split=draw_split, duration_text=duration_text, follow=shell.follow,
        human=charts.human, json_value=shell.json_value, key_map=KEYS, lead=shell.lead, level_role=level_role,
        line_href=shell.line_href, minibar=charts.minibar, moment=moment, offset=offset, own_bucket=own_bucket,
        plain=plain, plural=plural, role=role, short_name=lambda name: _SHORT.get(name, name),
        sparkline=charts.sparkline,
    )


def _spelled(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _axis(begin: str, end: str) -> charts.TimeAxis:
    return charts.TimeAxis(*(round(datetime.fromisoformat(text).timestamp() * 1000) for text in (begin, end)))


def _gem(mark: ExemplarMark) -> charts.Gem:
    return charts.Gem(mark.at_ms, mark.value, f"/requests/{mark.trace_id}", f"{plain(mark.value, 'ms')}: {mark.what}")


def draw_log_bars(page: LogsPage) -> Markup:
    series = [(level_role(bars_of.level), bars_of.counts) for bars_of in page.histogram]
    return charts.stack_plot(series, _axis(page.range.begin, page.range.end), "Lines by level over time")


def draw_facet(choice: Choice, choices: Sequence[Choice], role: str) -> Markup:
    most = max((each.count for each in choices), default=0) or 1
    width = short(100 * choice.count / most)
    return Markup('<svg aria-hidden="true" class="{}"><rect width="{}%" height="2"/></svg>').format(role, width)


def page(template: str, view: object, around: Shell, **more: object) -> str:
    """
    *template* with its view model, inside the shell.
    """
    return render_template(template, view=view, shell=around, links=around.links, **more)
