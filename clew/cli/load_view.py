"""
A run of `clew load` while it goes: a panel that is drawn again on a terminal, a line now and then elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from clew.cli.verb import Context

if TYPE_CHECKING:
    from clew.load import Glance, Plan

_BACK = "\x1b[{}F\x1b[J"
"""Up so many lines, to their beginning, and clear from there (ECMA-48 CPL and ED)."""
_RED, _PLAIN = "\x1b[31m", "\x1b[0m"


def view(context: Context, plan: Plan, *, every_s: float) -> Callable[[Glance], None]:
    """
    A function that shows how it stands.

    :param every_s: between lines where there is no terminal.
    """
    return _panel(context, plan) if context.out.isatty() else _lines(context, every_s)


def _panel(context: Context, plan: Plan) -> Callable[[Glance], None]:
    drawn = 0

    def show(glance: Glance) -> None:
        nonlocal drawn
        lines = panel(glance, plan, columns=context.columns, colours=context.colours)
        context.out.write((_BACK.format(drawn) if drawn else "") + "\n".join(lines) + "\n")
        context.out.flush()
        drawn = len(lines)

    return show


def panel(glance: Glance, plan: Plan, *, columns: int, colours: bool) -> list[str]:
    """The panel's lines, none wider than *columns*."""
    whole = "" if plan.duration_s == math.inf else f" of {_clock(plan.duration_s)}"
    ms = glance.latency_ms
    lines = [
        "",
        f"{_clock(glance.took_s)}{whole}   {glance.rate:.1f} per second   {glance.in_flight} in flight   "
        f"p50 {ms['p50']:.0f}   p95 {ms['p95']:.0f}   p99 {ms['p99']:.0f} ms",
        "",
        f"{'journey':<16}{'requests':>9}   answers",
        *(
            f"{name:<16}{sum(statuses.values()):>9}   {_statuses(statuses)}"
            for name, statuses in sorted(glance.journeys.items())
        ),
        "",
    ]
    lines = [line[:columns] for line in lines]
    unexpected = f"{glance.unexpected} unexpected answers"[:columns]
    return [*lines, f"{_RED}{unexpected}{_PLAIN}" if glance.unexpected and colours else unexpected]


def _lines(context: Context, every_s: float) -> Callable[[Glance], None]:
    due_s = every_s

    def show(glance: Glance) -> None:
        nonlocal due_s
        if glance.took_s >= due_s:
            due_s = glance.took_s - glance.took_s % max(every_s, 0.1) + every_s
            context.say(line(glance))

    return show


def line(glance: Glance) -> str:
    """For a file or a pipe."""
    ms = glance.latency_ms
    statuses = sum((Counter(one) for one in glance.journeys.values()), Counter[int]())
    return (
        f"{_clock(glance.took_s)}  {glance.rate:.1f} per second, {glance.in_flight} in flight, p50 {ms['p50']:.0f} "
        f"p95 {ms['p95']:.0f} p99 {ms['p99']:.0f} ms, {_statuses(statuses)}, {glance.unexpected} unexpected"
    )


def _statuses(statuses: Mapping[int, int]) -> str:
    return "  ".join(f"{status or 'none'} × {count}" for status, count in sorted(statuses.items()))


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60:02}:{int(seconds) % 60:02}"
