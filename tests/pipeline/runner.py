"""
Runs cases of what the real engine does (`cases/*.jsonl`) through our engine.

A case: `id config` + `events` (decoded) or `raw` + `codec` (lines); `ecs`, `escapes`, `input_opts`; `expected` events
in order, or `expected_error`, or `expected_pipeline_crash`. "<now>" stands for the time of the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clew.pipeline import ConfigError, Event, Pipeline, RawLine, Timestamp, compile_pipeline

CASES = Path(__file__).parent / "cases"
NOW = Timestamp.parse("2026-11-21T09:25:01.123Z")  # the year and month of the runs that made the cases

Case = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What our engine made of a case: events as JSON would have them, or the refusal."""

    events: list[dict[str, Any]] = field(default_factory=list)
    refusal: ConfigError | None = None
    drops: int = 0
    errors: int = 0


def cases(name: str) -> list[Case]:
    """The cases of ``cases/<name>.jsonl``. Split at newlines only: strings hold other line separators."""
    text = (CASES / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def compiled(
    config: str, *, escapes: bool = False, ecs: str = "v8", environment: Mapping[str, str] | None = None
) -> Pipeline:
    """*config* with the clock stopped at NOW and ids that count."""
    ids: Iterator[int] = iter(range(1, 1_000_000))
    return compile_pipeline(
        config, filename="case.conf", environment=environment or {}, escapes=escapes, ecs=ecs,
        clock_ns=lambda: NOW.ns, new_id=lambda: f"id-{next(ids)}", chance=lambda: 0.5,
    )


def run(case: Case) -> Result:
    """*case*, run."""
    try:
        pipeline = compiled(_whole_config(case), escapes=case.get("escapes", False), ecs=case.get("ecs", "v8"))
    except ConfigError as refusal:
        return Result(refusal=refusal)
    if "raw" in case:
        lines = [RawLine("/case.log", line, "here") for line in case["raw"]]
        outcomes = pipeline.feed(pipeline.inputs[0], lines)
        events = [_without_file_fields(dict(made.body)) for outcome in outcomes for made in outcome.documents]
    else:
        made_events = [pipeline.new_event(json.loads(json.dumps(event))) for event in case["events"]]
        events = [plain(event) for event in pipeline.process(made_events)]
    counts = pipeline.counters
    return Result(
        events,
        drops=sum(sum(count.dropped.values()) for count in counts),
        errors=sum(count.errors for count in counts),
    )


def plain(event: Event) -> dict[str, Any]:
    """The fields of *event*, moments as text."""
    value = _plain(event.data)
    assert isinstance(value, dict)
    return value


def comparable(events: list[dict[str, Any]]) -> list[str]:
    """Events as texts that are equal when the events are, spelling of numbers included."""
    return [json.dumps(event, sort_keys=True, ensure_ascii=False) for event in events]


def expected(case: Case) -> list[str]:
    """What *case* wants, as `comparable` has it."""
    return [text.replace("<now>", str(NOW)) for text in comparable(case["expected"])]


def _whole_config(case: Case) -> str:
    config: str = case["config"]
    if "raw" not in case:
        return config
    options = f'path => "/case.log" codec => {case["codec"]} {case.get("input_opts", "")}'
    return f"{config}\ninput {{ file {{ {options} }} }}\noutput {{ elasticsearch {{ index => 'case' }} }}"


def _without_file_fields(body: dict[str, Any]) -> dict[str, Any]:
    """The cases were made with an input that adds nothing."""
    for name in ("host", "log", "path"):
        body.pop(name, None)
    return body


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Timestamp) else value
