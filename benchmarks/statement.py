"""
What a database statement costs with its span and its sample: ``python benchmarks/statement.py``. Microseconds of the
thread that executes it, for ``SELECT 1`` in SQLite's memory.
"""

from __future__ import annotations

import time

from opentelemetry import context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from sqlalchemy import Engine, create_engine, text

from observability.testing import capture

ROUNDS, STATEMENTS = 9, 1000


def microseconds(engine: Engine) -> float:
    statement = text("SELECT 1")
    best = float("inf")
    with engine.connect() as connection:
        for _ in range(ROUNDS):
            start = time.thread_time_ns()
            for _ in range(STATEMENTS):
                connection.execute(statement)
            best = min(best, (time.thread_time_ns() - start) / STATEMENTS / 1000)
    return best


def main() -> None:
    plain = microseconds(create_engine("sqlite://"))
    print(f"not observed                    {plain:6.1f}")
    for words, flag in (("observed, trace not kept", TraceFlags.DEFAULT), ("observed, trace kept", TraceFlags.SAMPLED)):
        span = NonRecordingSpan(SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(flag)))
        with capture(start=False) as seen:
            token = context.attach(trace.set_span_in_context(span))
            cost = microseconds(seen.telemetry.observe_engine(create_engine("sqlite://")))
            context.detach(token)
        print(f"{words:30}  {cost:6.1f}  (+{cost - plain:.1f})")


if __name__ == "__main__":
    main()
