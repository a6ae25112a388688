"""
The goldens of our own `logstash.conf`: `cases/clew-lines.txt` in, `cases/clew-lines.expected.jsonl` out.

``python -m tests.pipeline.goldens`` writes the second from the first; read the difference before you commit it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from clew.pipeline import Outcome, Pipeline, RawLine
from tests.pipeline.runner import CASES, compiled

CONF = Path(__file__).parents[2] / "logstash.conf"
ENVIRONMENT: Mapping[str, str] = {"LOG_DIR": "/var/log/clew"}
LINES = CASES / "clew-lines.txt"
EXPECTED = CASES / "clew-lines.expected.jsonl"


def raw_lines() -> list[RawLine]:
    """The lines as the file input hands them over: bytes, two files in turn."""
    lines = LINES.read_bytes().split(b"\n")[:-1]
    return [RawLine(f"/var/log/clew/order-{index % 2}.jsonl", line, "machine") for index, line in enumerate(lines)]


def pipeline(text: str | None = None) -> Pipeline:
    return compiled(CONF.read_text(encoding="utf-8") if text is None else text, environment=ENVIRONMENT)


def outcomes(made: Pipeline, lines: Sequence[RawLine]) -> list[Outcome]:
    return made.feed(made.inputs[0], lines)


def as_text(outcome: Outcome) -> str:
    return json.dumps(asdict(outcome), ensure_ascii=False, sort_keys=True)


if __name__ == "__main__":
    made = outcomes(pipeline(), raw_lines())
    EXPECTED.write_text("".join(f"{as_text(outcome)}\n" for outcome in made), encoding="utf-8")
