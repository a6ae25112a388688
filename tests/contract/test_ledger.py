"""Emitted = stored + dropped + missing, per worker process."""

from __future__ import annotations

import math

from clew.query import InstanceAccount, Readers
from clew.query.embedded import readers_of
from clew.query.ledger import DAY_MS, DROPPED, EMITTED, ledger
from clew.store import STALE, LogLine, Stores
from tests.contract.make import T0_MS, line, sample, series, span


def scrape(stores: Stores, metric: str, signal: str, value: float, *, instance: str = "one", at_ms: int = 0) -> None:
    labels = series(metric, job="order", instance="order:8082", signal=signal, service_instance_id=instance)
    stores.samples.append([sample(labels, at_ms, value)])


def accounts(readers: Readers, *, at_ms: int = 1000) -> list[tuple[str, str, int, int, int, int]]:
    return [
        (account.instance, account.signal, account.emitted, account.stored, account.dropped, account.missing)
        for account in ledger(readers, at_ms=T0_MS + at_ms)
    ]


def test_what_is_neither_stored_nor_dropped_is_missing(stores: Stores) -> None:
    for signal, emitted, dropped in (("logs", 10, 2), ("traces", 5, 0)):
        scrape(stores, EMITTED, signal, emitted)
        scrape(stores, DROPPED, signal, dropped)
    stores.logs.append([line(str(n)) for n in range(7)])
    stores.spans.append([span(str(n) * 16) for n in range(5)])

    assert ledger(readers_of(stores), at_ms=T0_MS + 1000) == (
        InstanceAccount("order", "one", "logs", emitted=10, stored=7, dropped=2),
        InstanceAccount("order", "one", "traces", emitted=5, stored=5, dropped=0),
    )
    assert [row[-1] for row in accounts(readers_of(stores))] == [1, 0]


def test_a_dead_worker_keeps_its_account_for_a_day(stores: Stores) -> None:
    """Its series ends with a stale marker once nobody reports for it; what it emitted was still emitted."""
    scrape(stores, EMITTED, "logs", 10, instance="dead")
    scrape(stores, EMITTED, "logs", STALE, instance="dead", at_ms=10_000)

    assert accounts(readers_of(stores), at_ms=DAY_MS - 1) == [("dead", "logs", 10, 0, 0, 10)]
    assert accounts(readers_of(stores), at_ms=DAY_MS) == []


def test_the_newest_scrape_counts(stores: Stores) -> None:
    scrape(stores, EMITTED, "logs", 10)
    scrape(stores, EMITTED, "logs", 12, at_ms=500)
    scrape(stores, EMITTED, "logs", 99, at_ms=5000)

    assert accounts(readers_of(stores)) == [("one", "logs", 12, 0, 0, 12)]


def test_lines_newer_than_the_last_scrape_are_not_less_than_nothing(stores: Stores) -> None:
    scrape(stores, EMITTED, "logs", 1)
    stores.logs.append([line("a"), line("b")])

    assert accounts(readers_of(stores)) == [("one", "logs", 1, 2, 0, 0)]


def test_an_instance_that_was_never_scraped_is_shown_with_what_it_stored(stores: Stores) -> None:
    stores.logs.append([line("a", instance="unseen")])

    assert accounts(readers_of(stores)) == [("unseen", "logs", 0, 1, 0, 0)]


def test_other_signals_and_broken_counters_are_left_out(stores: Stores) -> None:
    scrape(stores, EMITTED, "metrics", 10)
    scrape(stores, EMITTED, "logs", math.nan)

    assert accounts(readers_of(stores)) == []


def test_a_line_that_names_no_worker_is_in_nobodys_account(stores: Stores) -> None:
    """A torn or foreign line is kept aside; it must not look like a worker of its own."""
    stores.logs.append([LogLine("clew-malformed-2026.11.21", "x", T0_MS * 1_000_000, {"message": "half a li"})])
    assert accounts(readers_of(stores)) == []
