"""One request on one page, and in one file."""

from __future__ import annotations

import re
import time

import pytest

from clew.store import Span, Stores
from tests.explorer.conftest import Browser
from tests.explorer.page import Page
from tests.support.story import FAILED, GOOD, GOOD_ORDER, LATER, MS, NOW, SECOND, Story, log_line


def test_every_span_and_every_line_is_on_the_page(browser: Browser, story: Story) -> None:
    page = browser.page(f"/requests/{FAILED}")
    assert [name for name in page.ids if name.startswith("s-")] == [f"s-{row.span_id}" for row in story.failed.spans]
    for line in story.failed.lines:
        assert page.says(str(line.get("event.action")))
    assert page.says("nobody waited for it any more")
    assert page.says("from 1 s to 2.5 s: this request and 246 others")


def test_find_goes_to_the_one_request_and_lists_several(browser: Browser) -> None:
    one = browser.ask(f"/find?id={GOOD_ORDER}")
    assert (one.status_code, one.headers["Location"]) == (302, f"/requests/{GOOD_ORDER}")
    assert browser.ask(f"/find.json?id={GOOD}").headers["Location"] == f"/requests/{GOOD}.json"
    assert browser.page("/find?id=usr_19C2AK").says("28 requests")
    assert browser.page("/requests/usr_19C2AK").says("28 requests")
    assert len(browser.json("/requests/usr_19C2AK.json")["hits"]) == 28
    assert browser.page("/find").says("Which one?")
    assert browser.ask("/requests/").headers["Location"] == "/find"


def test_nothing_found_says_what_was_searched(browser: Browser) -> None:
    for path in ("/find?id=ord_nix", "/requests/ord_nix"):
        page = browser.page(path, 404)
        assert page.says("Nothing has this id")
        assert page.says("trace.id, span.id, order.id, user.id, event.id and http.request.id of all log lines")
    for path in ("/find.json?id=ord_nix", "/requests/ord_nix.json"):
        assert "Nothing is stored under ord_nix. Searched were trace.id" in browser.json(path, 404)["detail"]


def test_a_line_outside_of_any_request_is_found_by_its_own_id(browser: Browser, story: Story) -> None:
    started = browser.json("/logs.json?event.action=service.started")["lines"][0]
    page = browser.page(f"/requests/{started['id']}")
    assert page.says("1 line outside of any request")
    assert page.says("takes requests.")


def test_an_id_with_a_slash_or_a_dot_finds_its_way(browser: Browser) -> None:
    assert browser.page("/requests/a%2Fb.c", 404).says("Nothing has this id")
    assert browser.page("/find?id=a/b", 404).says("Nothing has this id")


def test_other_requests_of_the_order_are_listed(browser: Browser) -> None:
    page = browser.page(f"/requests/{GOOD_ORDER}")
    assert page.says(f"Other requests with {GOOD_ORDER}")
    assert f"/requests/{LATER}" in page.links


def test_the_exported_file_needs_no_server(browser: Browser) -> None:
    html = browser.ask(f"/requests/{FAILED}.html").get_data(as_text=True)
    page = Page(html)
    assert page.says("order got no answer from user")
    assert [link for link in page.links if not link.startswith("#")] == []
    assert page.assets == []
    assert "<script" not in html
    assert re.search(r"style-src 'sha256-[A-Za-z0-9+/=]+'", html)
    assert {link[1:] for link in page.links} <= set(page.ids)


@pytest.mark.slow
def test_a_trace_of_two_thousand_spans_is_drawn_in_a_second_and_says_that_it_is_cut(
    empty: Browser, stores: Stores
) -> None:
    trace_id, begin = "f" * 32, NOW - 60 * SECOND
    stores.spans.append(
        Span(trace_id, f"{n:016x}", f"{(n - 1) // 3:016x}" if n else None, f"work {n}", "internal", begin + n * MS,
             begin + (4000 - n) * MS, "error" if n == 1999 else "unset", "", {f"key.{i}": i for i in range(10)},
             {"service.name": "gateway", "service.instance.id": "x"})
        for n in range(2000)
    )
    stores.logs.append(
        log_line(begin + n * MS, "info", "gateway", "x.y", f"{n}", trace={"id": trace_id}, span={"id": f"{n:016x}"})
        for n in range(1000)
    )
    empty.page("/find")  # templates are compiled once; processor time, because tests share the machine
    began = time.thread_time()
    response = empty.ask(f"/requests/{trace_id}")
    took_s = time.thread_time() - began
    page = Page(response.get_data(as_text=True))
    assert took_s < 1
    assert page.says("1000 of 3 000 rows are drawn")
    assert f"s-{1999:016x}" in page.ids
    assert len(empty.json(f"/requests/{trace_id}.json")["rows"]) == 3000
