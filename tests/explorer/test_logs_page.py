"""Log lines: filters, pages, and documents whose values are filters."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from clew.store import LogLine, Stores
from tests.explorer.conftest import Browser
from tests.support.rfc3339 import text_of
from tests.support.story import FAILED, GOOD_ORDER, NOW, SECOND, Story


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("level=error", 3),
        ("level=error&level=warning", 5),
        ("service=order&level=error", 2),
        ("q=REFUSED", 1),
        ("q=user+gave+no+answer", 3),  # one of them says so in error.message
        (f"trace={FAILED}", 7),
        (f"order.id={GOOD_ORDER}", 5),
        ("http.response.status_code=503", 2),
        ("http.response.status_code=503&service=gateway", 1),
        ("event.action=order.placed&last=5m", 1),
        ("from=2026-11-21T14:05:02Z&to=2026-11-21T14:05:03Z", 6),
        ("from=2026-11-21+14:05:02&to=2026-11-21+14:05:03", 6),
        ("from=2026-11-21T15:05:02%2B01:00&to=2026-11-21T15:05:03%2B01:00", 6),
        ("service=nobody", 0),
    ],
)
def test_filters_narrow_lines_histogram_and_total_alike(browser: Browser, query: str, expected: int) -> None:
    twin = browser.json(f"/logs.json?{query}")
    assert twin["total"] == expected
    assert len(twin["lines"]) == expected
    assert sum(sum(bars["counts"]) for bars in twin["histogram"]) == expected


def test_lines_come_newest_first(browser: Browser) -> None:
    times = [line["at"] for line in browser.json("/logs.json")["lines"]]
    assert times == sorted(times, reverse=True)


@pytest.mark.slow
@pytest.mark.parametrize("limit", [10, 37])  # 111 lines: the last page is full, or not
def test_following_the_next_link_shows_every_line_once(browser: Browser, story: Story, limit: int) -> None:
    path, seen, pages = f"/logs?limit={limit}&level=info&last=1h", [], 0
    while path:
        twin = browser.json(path.replace("/logs?", "/logs.json?"))
        seen += [line["id"] for line in twin["lines"]]
        page = browser.page(path)
        following = [link for link in page.links if link.startswith("/logs?") and "before=" in link]
        assert len(following) <= 1
        assert bool(twin["next"]) == bool(following)
        path, pages = (following[0] if following else ""), pages + 1
        assert pages < 200
    whole = browser.json("/logs.json?limit=500&level=info&last=1h")
    assert seen == [line["id"] for line in whole["lines"]]
    assert len(seen) == whole["total"]


def test_the_next_page_keeps_the_range_that_was_shown(browser: Browser) -> None:
    """A range that ends now moves on while one reads."""
    link = next(link for link in browser.page("/logs?limit=5&last=15m").links if "?" in link and "before=" in link)
    query = parse_qs(urlsplit(link).query)
    assert set(query) == {"limit", "from", "to", "before"}
    assert query["to"] == ["2026-11-21T14:07:00.000000Z"]


def test_a_filter_that_is_changed_begins_at_the_newest_line_again(browser: Browser) -> None:
    first = next(link for link in browser.page("/logs?limit=5").links if "before=" in link)
    assert not [link for link in browser.page(first).links if "before=" in link and "last=" in link]


def test_every_value_of_a_document_is_a_filter_that_finds_it_again(browser: Browser) -> None:
    line = browser.json("/logs.json?q=refused")["lines"][0]
    links = browser.page("/logs?q=refused").links
    for field in line["fields"]:
        if "." not in field["name"] and field["name"] != "message":
            continue
        name = {"log.level": "level", "service.name": "service", "trace.id": "trace", "message": "q"}.get(
            field["name"], field["name"]
        )
        query = [link for link in links if f"?{name}=" in link]
        assert query, field
        found = browser.json(query[0].replace("/logs?", "/logs.json?"))
        assert line["id"] in [other["id"] for other in found["lines"]], field


def test_a_chosen_filter_can_be_taken_back_by_a_link(browser: Browser) -> None:
    page = browser.page(f"/logs?order.id={GOOD_ORDER}&level=info")
    assert "/logs?level=info" in page.links


def test_a_line_of_no_request_and_of_no_shape_is_shown(empty: Browser, stores: Stores) -> None:
    """Lines that were not JSON have next to no field; they are kept and can be read."""
    document = {"@timestamp": text_of(NOW - SECOND), "message": "not { json", "tags": ["_jsonparsefailure"]}
    stores.logs.append([LogLine("clew-malformed-2026.11.21", "x-1", NOW - SECOND, document)])
    page = empty.page("/logs")
    assert page.says("not { json")
    assert page.says("no trace")
    assert page.says("_jsonparsefailure")
    assert empty.json("/logs.json")["lines"][0]["level"] == ""


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("last=2d", "last=2d is not known. Use one of 5m, 15m, 30m"),
        ("from=yesterday", "from=yesterday is not a time."),
        ("from=2026-11-21T14:00:00Z&to=2026-11-21T13:00:00Z", "from must be before to"),
        ("last=5m&from=now", "last and from/to exclude each other"),
        ("before=x", "before=x is not a place in the list"),
        ("trace=xyz", "trace=xyz is not an id of 32 hexadecimal digits"),
        ("limit=0", "limit=0 is not a whole number from 1 to 500"),
        ("limit=501", "limit=501 is not a whole number from 1 to 500"),
        ("q=a&q=b", "q is given 2 times"),
        ("colour=red", "There is no filter colour."),
    ],
)
def test_a_filter_that_cannot_be_read_is_explained(browser: Browser, query: str, said: str) -> None:
    assert browser.page(f"/logs?{query}", 400).says(said)


def test_an_empty_field_of_a_form_is_no_filter(browser: Browser) -> None:
    assert browser.json("/logs.json?q=&trace=&limit=") == browser.json("/logs.json")
