"""
What is wrong, since when: from measured numbers to sentences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clew.explorer.views.red import Measured, Values
from clew.query import InstanceAccount, TimeRange
from clew.query.dossier import Sentence, Word
from clew.query.freshness import Source
from clew.query.words import iso, plain, plural

ERRORS_ABOVE = 0.01
SLOW_TIMES, SLOW_AT_LEAST_MS = 3.0, 100.0
"""A service is slow when its p95 is this many times its normal, and at least this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something that is wrong. *severity*: ``bad`` or ``warn``; *since*: from when on without a break; None if that is not
    known, or longer ago than the page's range reaches.
    """

    kind: str
    severity: str
    service: str
    since: str | None
    since_ms: int | None
    sentence: Sentence


def findings(
    measured: Mapping[str, Measured], accounts: Sequence[InstanceAccount], sources: Sequence[Source], at: TimeRange,
    now_s: float,
) -> tuple[Finding, ...]:
    """
    The worst kind first: failing requests, sources that are silent, slow answers, lost telemetry.
    """
    found = [
        *(_failing(service, numbers, at) for service, numbers in measured.items()),
        *(_silent(source, now_s) for source in sources),
        *(_slow(service, numbers, at) for service, numbers in measured.items()),
        _lost(accounts),
    ]
    return tuple(finding for finding in found if finding is not None)


def normal(values: Values) -> float | None:
    """What it mostly was: the lower quartile, so that an outage of half the range is not its own normal."""
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 4] if known else None


def is_slow(numbers: Measured) -> bool:
    return _above(numbers.p95_ms, _slow_limit(numbers)) is not None


def _slow_limit(numbers: Measured) -> float:
    return max(SLOW_AT_LEAST_MS, SLOW_TIMES * (normal(numbers.p95_ms) or 0.0))


def _above(values: Values, limit: float) -> int | None:
    """Where the run of values above *limit* begins that lasts to the end; a step without a value does not break it."""
    begin = None
    for place in range(len(values) - 1, -1, -1):
        value = values[place]
        if value is None:
            if begin is None and place < len(values) - 3:
                return None
            continue
        if value <= limit:
            break
        begin = place
    return begin


def _since(begin: int, values: Values, at: TimeRange) -> tuple[str | None, int | None]:
    """The moment of that step; nothing if nothing better is known before it."""
    if all(value is None for value in values[:begin]):
        return None, None
    since_ms = at.from_ms + begin * at.step_ms
    return iso(since_ms * 1_000_000), since_ms


def _failing(service: str, numbers: Measured, at: TimeRange) -> Finding | None:
    begin = _above(numbers.errors, ERRORS_ABOVE)
    if begin is None:
        return None
    last = next(value for value in reversed(numbers.errors) if value is not None)
    part = Word(plain(last, "%"), "failing", service)
    sentence = (Word(service, "service"), Word(" fails "), part, Word(" of its requests"))
    return Finding("errors", "bad", service, *_since(begin, numbers.errors, at), sentence)


def _slow(service: str, numbers: Measured, at: TimeRange) -> Finding | None:
    begin = _above(numbers.p95_ms, _slow_limit(numbers))
    if begin is None:
        return None
    last = next(value for value in reversed(numbers.p95_ms) if value is not None)
    usual = plain(normal(numbers.p95_ms), "ms")
    sentence = (
        Word(service, "service"), Word(" takes "), Word(plain(last, "ms"), "slow", service),
        Word(f" at p95 instead of {usual}"),
    )
    return Finding("slow", "warn", service, *_since(begin, numbers.p95_ms, at), sentence)


def _silent(source: Source, now_s: float) -> Finding | None:
    if not source.late(now_s):
        return None
    since_ms = None if source.newest_s is None else int(source.newest_s * 1000)
    since = None if since_ms is None else iso(since_ms * 1_000_000)
    what = f"no {source.signal} came from " if since is None else f"no {source.signal} come any more from "
    sentence = (Word(what), Word(source.name, "source"), Word(f" ({source.problem})" if source.problem else ""))
    return Finding("silent", "bad", source.service, since, since_ms, sentence)


def _lost(accounts: Sequence[InstanceAccount]) -> Finding | None:
    dropped = sum(account.dropped for account in accounts)
    missing = sum(account.missing for account in accounts)
    if not dropped and not missing:
        return None
    parts = [f"{plural(dropped, 'line or span', 'lines and spans')} dropped"] if dropped else []
    parts += [f"{plural(missing, 'line or span', 'lines and spans')} missing"] if missing else []
    return Finding("lost", "warn", "", None, None, (Word(", ".join(parts), "ledger"),))


def joined(sentences: Sequence[Sentence], most: int = 3) -> Sentence:
    """
    Several clauses as one sentence that begins with a capital letter.
    """
    shown = list(sentences[:most])
    words: list[Word] = []
    for place, sentence in enumerate(shown):
        if place:
            words.append(Word(" and " if place == len(shown) - 1 else ", "))
        words.extend(sentence)
    if len(sentences) > most:
        words.append(Word(f"; {len(sentences) - most} more below"))
    first = words[0]
    if not first.kind:
        words[0] = Word(first.text[:1].upper() + first.text[1:])
    return (*words, Word("."))
