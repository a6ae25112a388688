"""The twins are an interface: a name that changes here breaks whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.explorer.conftest import Browser
from tests.support.story import FAILED


def _paths(document: Any, prefix: str = "") -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield f"{prefix}{name}"
            if name not in ("attributes", "document"):
                yield from _paths(value, f"{prefix}{name}.")
    elif isinstance(document, list):
        for value in document:
            yield from _paths(value, prefix)


def _names(browser: Browser, path: str) -> set[str]:
    return set(_paths(browser.json(path)))


def test_names_of_a_request(browser: Browser) -> None:
    """Also what `clew follow --json` prints."""
    names = _names(browser, f"/requests/{FAILED}.json")
    assert {name for name in names if "." not in name} == {
        "trace_id", "title", "failed", "status_code", "at", "duration_ms", "extent_ms", "services", "verdict", "steps",
        "facts", "rows", "split", "histogram", "exemplars", "gaps", "spans_total", "lines_total", "asked", "also",
    }
    assert {name.partition(".")[2] for name in names if name.startswith("rows.")} == {
        "row", "depth", "service", "instance", "name", "title", "kind", "span_id", "parent_span_id", "at", "offset_ms",
        "duration_ms", "status", "status_message", "problem", "late_ms", "critical", "below", "attributes", "events",
        "events.name", "events.at", "events.offset_ms", "events.attributes", "level", "action", "message", "id",
        "document",
    }
    assert {name.partition(".")[2] for name in names if name.startswith("histogram.")} == {
        "metric", "service", "method", "route", "at", "count", "p50_ms", "p95_ms", "buckets", "buckets.lower_ms",
        "buckets.upper_ms", "buckets.count", "buckets.this", "exemplar", "exemplar.metric", "exemplar.service",
        "exemplar.route", "exemplar.peer", "exemplar.status", "exemplar.span_id", "exemplar.value_ms",
        "exemplar.bucket_ms", "exemplar.at",
    }


def test_names_of_logs(browser: Browser) -> None:
    names = _names(browser, "/logs.json")
    assert {name for name in names if "." not in name} == {
        "read_at", "range", "text", "trace_id", "fields", "total", "without_filters", "levels", "services", "bar_ms",
        "histogram", "lines", "next", "continued",
    }
    assert {name.partition(".")[2] for name in names if name.startswith("lines.") and name.count(".") == 1} == {
        "at", "level", "service", "action", "message", "trace_id", "id", "index", "chips", "fields",
    }


def test_names_of_traces(browser: Browser) -> None:
    names = _names(browser, "/traces.json")
    assert {name for name in names if "." not in name} == {
        "read_at", "range", "service", "name", "error", "min_ms", "max_ms", "attributes", "sort", "known", "traces",
        "failed", "limit", "listed", "more", "older_than",
    }
    assert {name.partition(".")[2] for name in names if name.startswith("traces.")} == {
        "trace_id", "at", "at_ms", "service", "name", "status_code", "duration_ms", "spans", "errors", "services",
        "why",
    }


def test_names_of_the_overview(browser: Browser) -> None:
    names = _names(browser, "/overview.json")
    assert {name for name in names if "." not in name} == {
        "read_at", "range", "verdict", "exercises", "door", "example", "notable", "tiles", "services", "panels",
        "worth", "ledger", "accounts_total", "sources",
    }
    assert {name.partition(".")[2] for name in names if name.startswith("ledger.")} == {
        "service", "instance", "signal", "emitted", "stored", "dropped", "missing",
    }


def test_no_number_is_too_large_for_a_script(browser: Browser) -> None:
    """JavaScript reads integers up to 2^53; nanoseconds since the epoch are larger, so times are text."""

    def numbers(document: Any) -> Iterator[int]:
        if isinstance(document, dict):
            for name, value in document.items():
                if name not in ("attributes", "document"):
                    yield from numbers(value)
        elif isinstance(document, list):
            for value in document:
                yield from numbers(value)
        elif isinstance(document, int):
            yield document

    for path in ("/overview.json", "/logs.json", "/traces.json", f"/requests/{FAILED}.json"):
        assert max(numbers(browser.json(path))) < 2**53
