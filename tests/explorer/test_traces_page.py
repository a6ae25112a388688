"""Traces: filters and order."""

from __future__ import annotations

import pytest

from tests.explorer.conftest import Browser
from tests.support.story import FAILED, GOOD, LATER


def _ids(browser: Browser, query: str) -> list[str]:
    return [row["trace_id"] for row in browser.json(f"/traces.json?{query}")["traces"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("error=on", [FAILED]),
        ("min=1.5s", [FAILED]),
        ("min=1500", [FAILED]),
        ("service=user&min=1s", [FAILED]),
        ("service=gateway&name=GET+/api/orders/<order_id>", [LATER]),
        ("http.route=/orders/<order_id>", [LATER]),
        ("max=25ms&service=gateway", [LATER]),
        ("service=nobody", []),
        ("from=2026-11-21T14:02:00Z&to=2026-11-21T14:03:00Z", [GOOD]),
    ],
)
def test_filters_find_traces_with_a_span_that_passes_all_of_them(
    browser: Browser, query: str, expected: list[str]
) -> None:
    assert _ids(browser, query) == expected


def test_traces_come_newest_first_or_slowest_first(browser: Browser) -> None:
    newest = browser.json("/traces.json")["traces"]
    assert [row["at_ms"] for row in newest] == sorted((row["at_ms"] for row in newest), reverse=True)
    slowest = browser.json("/traces.json?sort=slowest")["traces"]
    assert slowest[0]["trace_id"] == FAILED
    assert {row["trace_id"] for row in slowest} == {row["trace_id"] for row in newest}


def test_older_traces_follow_without_a_gap(browser: Browser) -> None:
    """Those that overlap with the last one are shown again rather than missed."""
    whole, path, seen = _ids(browser, ""), "/traces?limit=10", []
    for _ in range(5):
        seen += _ids(browser, path.partition("?")[2])
        older = [link for link in browser.page(path).links if link.startswith("/traces?") and "limit=10&from=" in link]
        if not older:
            break
        path = older[0]
    assert list(dict.fromkeys(seen)) == whole
    assert not older


def test_the_form_shows_what_is_chosen(browser: Browser) -> None:
    page = browser.page("/traces?service=user&min=1.5s&error=on")
    assert ("input", "value", "1500ms") in page.attributes
    assert ("input", "checked", "") in page.attributes
    assert ("option", "selected", "") in page.attributes


@pytest.mark.parametrize(
    ("query", "said"),
    [("min=fast", "min=fast is not a duration. Write 250ms, 1.5s or 2m."), ("error=yes", "error=yes is not known."),
     ("sort=best", "sort=best is not known. Use one of newest, slowest.")],
)
def test_a_filter_that_cannot_be_read_is_explained(browser: Browser, query: str, said: str) -> None:
    assert browser.page(f"/traces?{query}", 400).says(said)
