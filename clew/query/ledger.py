"""
The loss ledger: per worker process and signal, what was emitted, stored and dropped. What is left over is missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from clew.query import InstanceAccount, Readers

EMITTED = "telemetry_instance_emitted_total"
DROPPED = "telemetry_instance_dropped_total"
SIGNALS = ("logs", "traces")
DAY_MS = 24 * 3_600_000

_Key = tuple[str, str, str]


def ledger(readers: Readers, *, at_ms: int, window_ms: int = DAY_MS) -> tuple[InstanceAccount, ...]:
    """
    The accounts of every instance that was scraped in the last *window_ms* before *at_ms*, or has stored something.
    Sorted by service, instance and signal. Emitted and dropped come from the instance's last scrape (they outlive the
    process, since its siblings report for it), stored from the stores, so a line of the last seconds may be stored but
    not yet emitted; *missing* is never negative.
    """
    emitted = _last(readers, EMITTED, at_ms, window_ms)
    dropped = _last(readers, DROPPED, at_ms, window_ms)
    stored = {
        **_stored("logs", readers.logs.count_by_instance()),
        **_stored("traces", readers.traces.count_by_instance()),
    }
    return tuple(
        InstanceAccount(
            service, instance, signal,
            emitted=emitted.get(key, 0), stored=stored.get(key, 0), dropped=dropped.get(key, 0),
        )
        for key in sorted({*emitted, *dropped, *stored})
        for service, instance, signal in (key,)
    )


def _last(readers: Readers, metric: str, at_ms: int, window_ms: int) -> Mapping[_Key, int]:
    counts: dict[_Key, int] = {}
    for labels, value in readers.metrics.last_over_time(metric, at_ms=at_ms, window_ms=window_ms):
        named = dict(labels)
        signal = named.get("signal", "")
        if signal in SIGNALS and math.isfinite(value):
            key = named.get("job", ""), named.get("service_instance_id", ""), signal
            # The same account under two addresses (a target that moved) is one account, and it only grows.
            counts[key] = max(counts.get(key, 0), int(value))
    return counts


def _stored(signal: str, by_instance: Mapping[tuple[str, str], int]) -> Mapping[_Key, int]:
    """What names no instance (a line that was not JSON, kept aside) is nobody's account."""
    return {(service, instance, signal): n for (service, instance), n in by_instance.items() if instance}
