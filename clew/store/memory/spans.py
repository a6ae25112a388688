"""Spans in a dictionary."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from clew.store import Retention, Span, SpanFilter
from clew.store.matching import span_matches


class MemorySpanStore:
    """`SpanStore` by linear search."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._lock = threading.Lock()
        self._spans: dict[tuple[str, str], Span] = {}
        self._ledger: Counter[tuple[str, str]] = Counter()

    def append(self, spans: Iterable[Span]) -> int:
        batch = list(spans)
        with self._lock:
            before = len(self._spans)
            for span in batch:
                key = span.trace_id, span.span_id
                if key not in self._spans:
                    self._ledger[span.service, span.instance] += 1
                self._spans[key] = span
            return len(self._spans) - before

    def trace(self, trace_id: str) -> Sequence[Span]:
        return sorted((span for span in self._all() if span.trace_id == trace_id), key=_start)

    def find_span(self, span_id: str) -> Sequence[Span]:
        return sorted((span for span in self._all() if span.span_id == span_id), key=_start)

    def search(self, where: SpanFilter) -> Sequence[str]:
        matching = [span for span in self._all() if span_matches(span, where)]
        matching.sort(key=lambda span: (span.start_ns, span.trace_id), reverse=True)
        return list(dict.fromkeys(span.trace_id for span in matching))[: where.limit]

    def services(self) -> Mapping[str, Sequence[str]]:
        names: dict[str, set[str]] = {}
        for span in self._all():
            names.setdefault(span.service, set()).add(span.name)
        return {service: sorted(names[service]) for service in sorted(names)}

    def count_by_instance(self) -> Mapping[tuple[str, str], int]:
        with self._lock:
            return dict(self._ledger)

    def expire(self, *, now_s: float) -> int:
        oldest_kept = int((now_s - self._retention.max_age_s) * 1e9)
        with self._lock:
            old = [key for key, span in self._spans.items() if span.start_ns < oldest_kept]
            for key in old:
                del self._spans[key]
            return len(old)

    def close(self) -> None:
        """Nothing to give back."""

    def _all(self) -> list[Span]:
        with self._lock:
            return list(self._spans.values())


def _start(span: Span) -> tuple[int, str]:
    return span.start_ns, span.span_id
