"""Each page and its twin say the same, link only to what exists, and keep to the policy."""

from __future__ import annotations

from collections import Counter
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import pytest

from clew.query.words import plural, thousands
from tests.explorer.conftest import Browser
from tests.explorer.page import Page
from tests.support.story import FAILED, FAILED_ORDER, GOOD_ORDER, UNSAMPLED

PAGES = ("/", "/logs", "/traces", f"/requests/{GOOD_ORDER}", f"/requests/{FAILED}", "/find?id=usr_19C2AK", "/find")


@pytest.mark.parametrize("path", [*PAGES, "/nowhere", "/logs?limit=x", "/requests/nix"])
def test_no_page_has_an_inline_style_or_script_or_loads_from_elsewhere(browser: Browser, path: str) -> None:
    response = browser.ask(path)
    page = browser.page(path, response.status_code)
    assert page.inline == []
    assert [found for found in page.attributes if found[1] == "style" or found[1].startswith("on")] == []
    assert all(asset.startswith("/static/") for asset in page.assets)
    assert "default-src 'none'; style-src 'self'; script-src 'self'" in response.headers["Content-Security-Policy"]
    assert len(page.ids) == len(set(page.ids))


@pytest.mark.slow
def test_every_link_of_every_page_leads_somewhere(browser: Browser) -> None:
    """Breadth first from the overview; of links that differ only in their values one is followed."""
    pending, seen, read = list(PAGES), set(), Counter[str]()
    while pending:
        path, _ = urldefrag(pending.pop(0))
        parts = urlsplit(path)
        kind = parts.path.split("/")[1]
        names = tuple(sorted(name for name, _ in parse_qsl(parts.query)))
        shape = (kind, names, parts.path.rpartition(".")[2] if kind != "requests" else parts.path[-5:])
        if shape in seen:
            continue
        seen.add(shape)
        response = browser.ask(path)
        assert response.status_code in (200, 302), f"{path}: {response.status_code}"
        if response.mimetype != "text/html" or response.status_code == 302 or path.endswith(".html") or read[kind] > 3:
            continue
        read[kind] += 1
        page = Page(response.get_data(as_text=True))
        for link in (*page.links, *page.assets):
            assert urlsplit(link).netloc == "", link
            if link.startswith("#"):
                assert link[1:] in page.ids, f"{path} has no {link}"
            pending.append(urljoin(path, link))
    assert {kind for kind, _, _ in seen} >= {"", "logs", "traces", "requests", "static", "overview.json", "logs.json"}
    assert len(seen) > 40


def test_the_navigation_names_only_pages_that_exist(browser: Browser) -> None:
    links = browser.page("/").links
    assert {"/", "/logs", "/traces"} <= set(links)
    assert not [link for link in links if link.startswith(("/graph", "/alerts", "/map", "/dashboards", "/pipeline"))]


def test_overview_and_its_twin_agree(browser: Browser) -> None:
    page, twin = browser.page("/"), browser.json("/overview.json")
    assert page.says(twin["verdict"]["summary"])
    assert twin["door"] == "gateway"
    for tile in twin["tiles"]:
        assert page.says(tile["name"])
        assert page.says(tile["note"])
    for account in twin["ledger"]:
        assert account["emitted"] == account["stored"] + account["dropped"] + account["missing"]
        assert page.says(thousands(account["emitted"]))
    for row in twin["worth"]:
        assert page.says(row["trace_id"][:8])
    assert [page.says(source["name"]) for source in twin["sources"]] == [True, True]


def test_logs_and_their_twin_agree(browser: Browser) -> None:
    page, twin = browser.page("/logs?level=error"), browser.json("/logs.json?level=error")
    assert twin["total"] == 3
    assert page.says(f"{twin['total']} of {plural(twin['without_filters'], 'line')}")
    for line in twin["lines"]:
        assert line["level"] == "error"
        assert page.says(line["at"][11:23])
    assert sum(bars["total"] for bars in twin["histogram"]) == twin["total"]
    assert {choice["value"]: choice["count"] for choice in twin["services"]} == {"gateway": 1, "order": 2, "user": 0}


def test_traces_and_their_twin_agree(browser: Browser) -> None:
    page, twin = browser.page("/traces"), browser.json("/traces.json")
    assert page.says(f"{len(twin['traces'])} traces")
    assert page.says(f"with a failure {twin['failed']}")
    for row in twin["traces"]:
        assert page.says(row["trace_id"][:8])


@pytest.mark.parametrize("any_id", [GOOD_ORDER, FAILED_ORDER, UNSAMPLED])
def test_a_request_and_its_twin_agree(browser: Browser, any_id: str) -> None:
    page, twin = browser.page(f"/requests/{any_id}"), browser.json(f"/requests/{any_id}.json")
    assert page.says("".join(word["text"] for word in twin["verdict"]))
    counts = f"{plural(twin['spans_total'], 'span')}, {plural(twin['lines_total'], 'log line')} in place"
    assert page.says(counts)
    assert len(twin["rows"]) == twin["spans_total"] + twin["lines_total"]
    for row in twin["rows"]:
        if row["row"] == "span":
            assert page.says(row["title"])
    for gap in twin["gaps"]:
        assert page.says(gap["sentence"])
    assert page.says(f"{thousands(twin['histogram']['count'])} requests")


@pytest.mark.parametrize("path", ["/", "/logs", "/traces"])
def test_an_empty_stack_says_what_it_waits_for(empty: Browser, path: str) -> None:
    assert any(word in empty.page(path).text for word in ("waits for the first request", "No line in this", "No trace"))


def test_a_range_and_a_filter_stay_when_one_goes_on(browser: Browser) -> None:
    page = browser.page("/logs?last=1h&service=order")
    assert "/traces?last=1h" in page.links
    assert "/logs?service=order&last=3h" in page.links
    assert "/logs.json?last=1h&service=order" in page.links


def test_pages_have_one_heading_and_every_field_has_a_label(browser: Browser) -> None:
    for path in PAGES:
        html = browser.ask(path).get_data(as_text=True)
        assert html.count("<h1") == 1, path
        page = browser.page(path)
        fields = [value for tag, name, value in page.attributes if tag == "input" and name == "id"]
        labels = {value for tag, name, value in page.attributes if tag == "label" and name == "for"}
        assert set(fields) <= labels | {"show-lines", "show-crit"}, path
