"""
How the stack itself is: what `clew status` shows and the overview's freshness.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clew.intake.aside import Aside
from clew.intake.logs import LogIntake, LogIntakeStatus
from clew.intake.metrics import MetricIntake
from clew.intake.otlp import OtlpIntake, OtlpStatus
from clew.intake.scrape import TargetStatus
from clew.query import InstanceAccount, Readers
from clew.query.freshness import Source
from clew.query.ledger import ledger

_MISSED_SCRAPES = 3


@dataclass(frozen=True, slots=True)
class SourceView:
    """*age_s*: seconds since its newest thing was received; None if nothing ever was."""

    signal: str
    service: str
    name: str
    age_s: float | None
    late: bool
    problem: str


@dataclass(frozen=True, slots=True)
class AccountView:
    """emitted = stored + dropped + missing, of one signal of one worker process."""

    service: str
    instance: str
    signal: str
    emitted: int
    stored: int
    dropped: int
    missing: int


@dataclass(frozen=True, slots=True)
class StackStatus:
    """
    :param bytes_behind: written to log files and not yet stored.
    :param counts: what the intake did with what it got, by signal and name; drops are ``dropped:<reason>`` and
        ``aside:<reason>`` there.
    :param store_bytes: size on disk of each store, its journal included.
    """

    sources: tuple[SourceView, ...]
    ledger: tuple[AccountView, ...]
    bytes_behind: int
    counts: Mapping[str, Mapping[str, int]]
    store_bytes: Mapping[str, int]


class StackView:
    """Looks at the running parts of the stack; changes nothing. Safe from any thread."""

    def __init__(
        self, *, readers: Readers, logs: Sequence[LogIntake], metrics: MetricIntake, spans: OtlpIntake, aside: Aside,
        store_dir: Path, clock: Callable[[], float] = time.time,
    ) -> None:
        self._readers = readers
        self._logs = logs
        self._metrics = metrics
        self._spans = spans
        self._aside = aside
        self._store_dir = store_dir
        self._clock = clock

    def accounts(self) -> tuple[InstanceAccount, ...]:
        return ledger(self._readers, at_ms=int(self._clock() * 1000))

    def sources(self) -> tuple[Source, ...]:
        return (
            *(_log_source(intake.status()) for intake in self._logs),
            *map(_scrape_source, self._metrics.status()),
            _span_source(self._spans.status()),
        )

    def status(self) -> StackStatus:
        now_s = self._clock()
        logs = [intake.status() for intake in self._logs]
        return StackStatus(
            sources=tuple(_source_view(source, now_s) for source in self.sources()),
            ledger=tuple(
                AccountView(a.service, a.instance, a.signal, a.emitted, a.stored, a.dropped, a.missing)
                for a in self.accounts()
            ),
            bytes_behind=sum(one.tail.behind_bytes for one in logs),
            counts={
                "logs": _sum([*(one.counts for one in logs), *(one.tail_counts for one in logs)]),
                "metrics": _sum(target.counts for target in self._metrics.status()),
                "traces": self._spans.status().counts,
                "aside": self._aside.counts.snapshot(),
            },
            store_bytes={
                name: sum(path.stat().st_size for path in self._store_dir.glob(f"{name}.db*"))
                for name in ("logs", "samples", "spans")
            },
        )


def _log_source(status: LogIntakeStatus) -> Source:
    troubles = [f"{path}: {why}" for path, why in status.tail.troubles]
    problem = "; ".join(filter(None, [status.waiting, *troubles]))
    return Source("logs", "", f"tail, {status.tail.files} files", status.last_stored_s, problem=problem)


def _span_source(status: OtlpStatus) -> Source:
    return Source("traces", "", "OTLP", status.last_received_s, problem=status.waiting)


def _source_view(source: Source, now_s: float) -> SourceView:
    return SourceView(
        source.signal, source.service, source.name, source.age_s(now_s), source.late(now_s), source.problem
    )


def _scrape_source(target: TargetStatus) -> Source:
    return Source(
        "metrics", target.job, f"scrape {target.address}", target.last_scrape_s,
        limit_s=0.0 if target.health == "unknown" else _MISSED_SCRAPES * target.interval_s,
        problem=target.last_error,
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> Mapping[str, int]:
    return dict(sum(map(Counter, counts), Counter[str]()))
