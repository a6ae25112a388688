"""
The overview: what is wrong since when, and the numbers below it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clew.explorer.filters import DEFAULT, PRESETS, Window
from clew.explorer.views.findings import ERRORS_ABOVE, Finding, findings, is_slow, joined, normal
from clew.explorer.views.parts import ExemplarMark, Line, Panel, Range, TraceRow, trace_row
from clew.explorer.views.red import Measured, Values, exemplars, grid_of, measure
from clew.query import InstanceAccount, Readers, TimeRange
from clew.query.dossier import Sentence, Word, read_aloud
from clew.query.freshness import Source
from clew.query.words import iso, plain, plural
from clew.store.model import LogFilter, SpanFilter

LOOKED_AT = 300
WORTH = 8
MOST_MARKS = 24
MOST_ACCOUNTS = 40
SEVERE = ("warn", "warning", "error", "critical", "fatal")


@dataclass(frozen=True, slots=True)
class Verdict:
    """*state*: ``fine``, ``warn``, ``bad`` or ``empty``; *summary* is *words* as plain text."""

    state: str
    badge: str
    since: str | None
    summary: str
    words: Sentence
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure. *value* is in *unit* (``%`` of a ratio); *trend* its values over the range; *to* what it leads to."""

    name: str
    value: float | None
    unit: str
    note: str
    severity: str
    trend: Values
    to: str


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service: last values and their course. Ratios 0 to 1, durations milliseconds, rate per second."""

    service: str
    state: str
    severity: str
    rate: float | None
    error_ratio: float | None
    p50_ms: float | None
    p95_ms: float | None
    p95_normal_ms: float | None
    trend: Measured


@dataclass(frozen=True, slots=True)
class Account:
    """The ledger of one signal of one worker process: emitted = stored + dropped + missing."""

    service: str
    instance: str
    signal: str
    emitted: int
    stored: int
    dropped: int
    missing: int


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source and the age of its newest thing in milliseconds; *limit_ms* 0: it may be silent."""

    signal: str
    service: str
    name: str
    newest: str | None
    age_ms: float | None
    limit_ms: float
    late: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Notable:
    """A log line of level warning or above."""

    at: str
    service: str
    level: str
    action: str
    message: str
    trace_id: str


@dataclass(frozen=True, slots=True)
class OverviewPage:
    """*door*: the service that requests come in at; *ledger*: what does not add up first, at most 40 accounts of
    *accounts_total*; *exercises*: a sentence for each fault that somebody switched on."""

    read_at: str
    range: Range
    verdict: Verdict
    exercises: tuple[str, ...]
    door: str
    example: TraceRow | None
    notable: tuple[Notable, ...]
    tiles: tuple[Tile, ...]
    services: tuple[ServiceRow, ...]
    panels: tuple[Panel, ...]
    worth: tuple[TraceRow, ...]
    ledger: tuple[Account, ...]
    accounts_total: int
    sources: tuple[SourceRow, ...]


def young_range(readers: Readers, now_s: float) -> str:
    """
    The preset for whoever asked for none: short while the stack is young, so that its first minutes fill the charts.
    """
    for preset in ("5m", "15m"):
        begin_ns = int((now_s - PRESETS[preset][1]) * 1e9)
        before = LogFilter(from_ns=int((now_s - PRESETS[DEFAULT][1]) * 1e9), to_ns=begin_ns, limit=1)
        if not readers.logs.search(before):
            return preset
    return DEFAULT


def overview(
    readers: Readers, window: Window, *, accounts: Sequence[InstanceAccount], sources: Sequence[Source],
    exercises: Sequence[str], now_s: float,
) -> OverviewPage:
    at = grid_of(window)
    measured = measure(readers, at)
    recent = readers.traces.search(SpanFilter(from_ns=window.from_ns, to_ns=window.to_ns, limit=LOOKED_AT))
    failing = readers.traces.search(SpanFilter(error=True, from_ns=window.from_ns, to_ns=window.to_ns, limit=WORTH))
    roots = Counter(summary.root_service for summary in recent)
    door = roots.most_common(1)[0][0] if roots else next(iter(measured), "")
    failed = [trace_row(summary, "failed") for summary in failing]
    slowest = sorted((trace_row(s, "slowest") for s in recent if not s.errors), key=lambda row: -row.duration_ms)
    return OverviewPage(
        read_at=iso(int(now_s * 1e9)),
        range=Range.of(window),
        verdict=_verdict(findings(measured, accounts, sources, at, now_s), measured, door, len(recent), failed),
        exercises=tuple(exercises),
        door=door,
        example=failed[0] if failed else None,
        notable=_notable(readers, window),
        tiles=_tiles(measured, door, accounts, sources, now_s),
        services=tuple(_service_row(service, numbers) for service, numbers in measured.items()),
        panels=_panels(readers, measured, at, door),
        worth=(*failed, *slowest[: max(2, WORTH - len(failed))]),
        ledger=_accounts(accounts),
        accounts_total=len(accounts),
        sources=tuple(_source_row(source, now_s) for source in sources),
    )


def _verdict(
    found: tuple[Finding, ...], measured: Mapping[str, Measured], door: str, seen: int, failed: Sequence[TraceRow]
) -> Verdict:
    if not measured and not seen:
        words: Sentence = (Word("No telemetry yet: the stack is up and waits for the first request."),)
        return Verdict("empty", "Waiting", None, read_aloud(words), words, found)
    if not found:
        words = _all_well(measured.get(door), door, seen, failed)
        return Verdict("fine", "Everything is fine", None, read_aloud(words), words, found)
    worst = found[0]
    badge = {"errors": "Requests are failing", "silent": "A source is silent", "slow": "Slow", "lost": "Telemetry lost"}
    moments = [finding.since for finding in found if finding.kind == worst.kind and finding.since]
    words = joined([finding.sentence for finding in found])
    return Verdict(worst.severity, badge[worst.kind], min(moments, default=None), read_aloud(words), words, found)


def _all_well(numbers: Measured | None, door: str, seen: int, failed: Sequence[TraceRow]) -> Sentence:
    rate = _last(numbers.rate) if numbers else None
    if numbers is None or not rate:
        ending = f", {len(failed)} of them with a failure" if failed else ", none failed"
        return (Word(plural(seen, "request"), "requests"), Word(f" in this time{ending}; rates need a second scrape."))
    return (
        Word(door, "service"), Word(" answers "), Word(plain(rate, "req/s")), Word(", "),
        Word(f"{plain(_last(numbers.errors) or 0.0, '%')} fail", "failing", door), Word(", p95 is "),
        Word(plain(_last(numbers.p95_ms), "ms"), "slow", door), Word("."),
    )


def _last(values: Values) -> float | None:
    """The newest value; a scrape may just be due, so two steps back count as now."""
    return next((value for value in reversed(values[-3:]) if value is not None), None)


def _tiles(
    measured: Mapping[str, Measured], door: str, accounts: Sequence[InstanceAccount], sources: Sequence[Source],
    now_s: float,
) -> tuple[Tile, ...]:
    numbers = measured.get(door) or Measured((), (), (), ())
    ratio, p95 = _last(numbers.errors), _last(numbers.p95_ms)
    emitted = sum(account.emitted for account in accounts)
    lost = sum(account.dropped + account.missing for account in accounts)
    ages = [age for source in sources if (age := source.age_s(now_s)) is not None]
    fresh = f"newest {plain(min(ages) * 1000, 'ms')} old" if ages else "no source has said anything yet"
    normally = f"normally {plain(normal(numbers.p95_ms), 'ms')}"
    where = f" at {door}" if door else ""
    return (
        Tile(f"Requests{where}", _last(numbers.rate), "req/s", f"normally {plain(normal(numbers.rate), 'req/s')}", "",
             numbers.rate, "rate"),
        Tile("Failed requests", ratio, "%", "share of 5xx", "bad" if (ratio or 0) > ERRORS_ABOVE else "",
             numbers.errors, "failing"),
        Tile("Latency p95", p95, "ms", normally, "warn" if is_slow(numbers) else "", numbers.p95_ms, "slow"),
        Tile("Lines and spans lost", lost if accounts else None, "", f"of {plain(emitted, '')} emitted; {fresh}",
             "warn" if lost else "", (), "ledger"),
    )


def _service_row(service: str, numbers: Measured) -> ServiceRow:
    ratio = _last(numbers.errors)
    failing, slow = (ratio or 0.0) > ERRORS_ABOVE, is_slow(numbers)
    state = "fails" if failing else "slow" if slow else "fine" if _last(numbers.rate) else "idle"
    return ServiceRow(
        service=service,
        state=state,
        severity="bad" if failing else "warn" if slow else "",
        rate=_last(numbers.rate),
        error_ratio=ratio,
        p50_ms=_last(numbers.p50_ms),
        p95_ms=_last(numbers.p95_ms),
        p95_normal_ms=normal(numbers.p95_ms),
        trend=numbers,
    )


def _panels(readers: Readers, measured: Mapping[str, Measured], at: TimeRange, door: str) -> tuple[Panel, ...]:
    def panel(title: str, note: str, unit: str, lines: Sequence[Line], marks: tuple[ExemplarMark, ...] = ()) -> Panel:
        return Panel(title, note, unit, at.from_ms, at.moments()[-1], at.step_ms, tuple(lines), marks)

    several = measured.items()
    rates = [Line(name, name, "", numbers.rate) for name, numbers in several]
    errors = [Line(name, name, "", numbers.errors) for name, numbers in several]
    latency = [Line(f"{name} p95", name, "", numbers.p95_ms) for name, numbers in several]
    latency += [Line(f"{name} p50", name, "dot", numbers.p50_ms) for name, numbers in several]
    return (
        panel("Request rate", "server side", "req/s", rates),
        panel("Failed requests", "share of 5xx", "%", errors),
        panel("Latency", f"p95 and p50; diamonds: requests to {door}", "ms", latency, _marks(readers, at, door)),
    )


def _marks(readers: Readers, at: TimeRange, door: str) -> tuple[ExemplarMark, ...]:
    """
    The slowest remembered request of each slice of the time, so that the marks neither crowd nor hide the worst.
    """
    slowest: dict[int, ExemplarMark] = {}
    slice_ms = max(1, (at.to_ms - at.from_ms) // MOST_MARKS)
    for exemplar in exemplars(readers, at, door):
        series, trace_id = dict(exemplar.series), dict(exemplar.labels).get("trace_id", "")
        place = (exemplar.timestamp_ms - at.from_ms) // slice_ms
        value = round(exemplar.value * 1000, 3)
        if trace_id and (place not in slowest or slowest[place].value < value):
            what = f"{series.get('method', '')} {series.get('url_rule', '')} {series.get('status', '')}"
            slowest[place] = ExemplarMark(exemplar.timestamp_ms, value, trace_id, what)
    return tuple(slowest[place] for place in sorted(slowest))


def _notable(readers: Readers, window: Window) -> tuple[Notable, ...]:
    where = LogFilter(levels=SEVERE, from_ns=window.from_ns, to_ns=window.to_ns, limit=5)
    return tuple(
        Notable(
            at=iso(line.timestamp_ns),
            service=str(line.get("service.name", "")),
            level=str(line.get("log.level", "")),
            action=str(line.get("event.action", "")),
            message=str(line.get("message", "")),
            trace_id=str(line.get("trace.id", "")),
        )
        for line in readers.logs.search(where)
    )


def _accounts(accounts: Sequence[InstanceAccount]) -> tuple[Account, ...]:
    worst_first = sorted(accounts, key=lambda a: (not (a.missing or a.dropped), a.service, a.signal, -a.emitted))
    return tuple(
        Account(a.service, a.instance, a.signal, a.emitted, a.stored, a.dropped, a.missing)
        for a in worst_first[:MOST_ACCOUNTS]
    )


def _source_row(source: Source, now_s: float) -> SourceRow:
    age_s = source.age_s(now_s)
    return SourceRow(
        signal=source.signal,
        service=source.service,
        name=source.name,
        newest=None if source.newest_s is None else iso(int(source.newest_s * 1e9)),
        age_ms=None if age_s is None else round(age_s * 1000),
        limit_ms=source.limit_s * 1000,
        late=source.late(now_s),
        problem=source.problem,
    )
