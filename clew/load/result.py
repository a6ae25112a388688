"""
What a run came to: a document for programs, a table for people.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from clew.load.plan import Plan
from clew.load.tally import Surprise, Tally

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class StepResult:
    """*statuses*: status -> count, ``0`` where there was no answer. *latency_ms*: ``p50 p95 p99 max``."""

    journey: str
    step: str
    requests: int
    unexpected: int
    statuses: Mapping[str, int]
    latency_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Result:
    """
    Latencies count from when a request should have begun. *limited*: answers 429; *degraded*: answers that left
    something out and said so. Neither is unexpected. *answers*: the first 100 unexpected ones.
    """

    gateway: str
    seed: int
    run: str
    started: str
    interrupted: bool
    rps: float
    duration_s: float | None
    ramp_s: float
    journeys: Mapping[str, float]
    took_s: float
    requests: int
    rate: float
    latency_ms: Mapping[str, float]
    unexpected: int
    limited: int
    degraded: int
    unfinished: int
    skipped: int
    steps: tuple[StepResult, ...]
    answers: tuple[Surprise, ...]

    @classmethod
    def of(
        cls, plan: Plan, tally: Tally, *, gateway: str, run: str, started_s: float, took_s: float, interrupted: bool
    ) -> Result:
        """
        :param started_s: seconds since the epoch.
        """
        overall = tally.overall()
        return cls(
            gateway=gateway, seed=plan.seed, run=run, interrupted=interrupted, rps=plan.rps, ramp_s=plan.ramp_s,
            started=datetime.fromtimestamp(started_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            duration_s=plan.duration_s if plan.duration_s != float("inf") else None, journeys=dict(plan.weights),
            took_s=round(took_s, 3), requests=overall.count, rate=round(overall.count / max(took_s, 0.001), 2),
            latency_ms=overall.in_ms(), unexpected=tally.unexpected, limited=tally.limited, degraded=tally.degraded,
            unfinished=tally.unfinished, skipped=tally.skipped,
            steps=tuple(
                StepResult(
                    journey, step, found.latencies.count, found.unexpected,
                    {str(status): count for status, count in sorted(found.statuses.items())}, found.latencies.in_ms(),
                )
                for (journey, step), found in sorted(tally.steps.items())
            ),
            answers=tuple(tally.surprises),
        )

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def table(self) -> list[str]:
        """Lines for a terminal."""
        head = " ".join(f"{name:>7}" for name in ("p50", "p95", "p99", "max"))
        lines = [f"{'journey':<15} {'step':<10} {'requests':>8} {head} ms  answers"]
        for step in self.steps:
            lines.append(
                f"{step.journey:<15} {step.step:<10} {step.requests:>8} {_columns(step.latency_ms)}     "
                f"{in_words(step.statuses)}"
            )
        lines.append(f"{'all':<26} {self.requests:>8} {_columns(self.latency_ms)}")
        lines.append("")
        lines.append(
            f"{self.requests} requests in {self.took_s:.1f} s, {self.rate:.1f} per second, seed {self.seed}: "
            f"{self.unexpected} unexpected answers."
        )
        rest = {
            "refused by the rate limit": self.limited, "degraded": self.degraded,
            "journeys cut short": self.unfinished, "journeys not begun": self.skipped,
        }
        said = ", ".join(f"{count} {what}" for what, count in rest.items() if count)
        return [*lines, *([f"Also {said}."] if said else []), *self._surprises()]

    def _surprises(self) -> list[str]:
        if not self.answers:
            return []
        lines = ["", f"{'at':>8}  {'unexpected answer':<44} follow it"]
        for one in self.answers[:_SHOWN]:
            answer = f"{one.status}" if one.status else "no answer"
            what = f"{one.journey}, {one.step}: {answer} instead of {one.expected}"
            lines.append(f"{one.at_s:>6.1f} s  {what:<44} clew follow {one.trace_id or one.request_id}")
        left = self.unexpected - min(len(self.answers), _SHOWN)
        return [*lines, f"… and {left} more."] if left else lines


def in_words(statuses: Mapping[str, int]) -> str:
    """For example ``201 × 12, none × 1``."""
    return ", ".join(f"{'none' if status == '0' else status} × {count}" for status, count in statuses.items())


def _columns(latency_ms: Mapping[str, float]) -> str:
    return " ".join(f"{latency_ms[name]:>7.1f}" for name in ("p50", "p95", "p99", "max"))
