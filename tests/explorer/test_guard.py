"""Who may ask, and what a browser may do with the answer."""

from __future__ import annotations

import base64

import pytest

from clew.query import QueryError, Readers
from clew.query.embedded import readers_of
from clew.store import StoreError, Stores
from tests.explorer.conftest import Browser, explorer_of
from tests.explorer.page import Page
from tests.support.story import FAILED, NASTY


@pytest.mark.parametrize("host", ["127.0.0.1:8090", "localhost:8090", "[::1]:8090", "LOCALHOST:8090"])
def test_this_machines_names_are_answered(browser: Browser, host: str) -> None:
    assert browser.ask("/find", Host=host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:8090", "127.0.0.1", "127.0.0.1:9090", "localhost.evil.example:8090", ""]
)
@pytest.mark.parametrize("path", ["/", "/logs.json", "/static/clew.css", "/-/healthy"])
def test_any_other_host_is_refused_everywhere(browser: Browser, host: str, path: str) -> None:
    """A name that was made to resolve to 127.0.0.1 must not read the store through a browser."""
    response = browser.ask(path, Host=host)
    assert response.status_code == 421
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "path", ["/", "/logs.json", "/static/clew.js", "/nowhere", "/-/healthy", f"/requests/{FAILED}.html"]
)
def test_every_answer_has_the_protecting_headers_and_allows_no_other_origin(browser: Browser, path: str) -> None:
    headers = browser.ask(path, Origin="http://evil.example").headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert not [name for name in headers.keys() if name.lower().startswith("access-control")]  # noqa: SIM118


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
@pytest.mark.parametrize("path", ["/", "/logs", "/traces.json", "/find", "/-/healthy"])
def test_pages_can_only_be_read(browser: Browser, method: str, path: str) -> None:
    response = browser.ask(path, method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD"}


def test_head_answers_like_get_without_a_body(browser: Browser) -> None:
    response = browser.ask("/logs", "HEAD")
    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "http://127.0.0.1:8090"}, 200),
        ({"Sec_Fetch_Site": "none"}, 200),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1:8090"}, 403),
    ],
)
def test_only_our_own_page_and_programs_may_ask_for_a_scrape(
    stores: Stores, headers: dict[str, str], status: int
) -> None:
    scraped: list[bool] = []
    browser = Browser(explorer_of(readers_of(stores), scrape_now=lambda: scraped.append(True)).test_client())
    assert browser.ask("/-/scrape", "POST", **headers).status_code == status
    assert bool(scraped) == (status == 200)


def test_a_scrape_cannot_be_asked_for_with_get(browser: Browser) -> None:
    assert browser.ask("/-/scrape").status_code == 405


def test_with_a_token_nothing_is_shown_without_it(stores: Stores) -> None:
    browser = Browser(explorer_of(readers_of(stores), token="tök", scrape_now=lambda: None).test_client())
    basic = base64.b64encode("x:tök".encode()).decode()
    assert browser.ask("/").status_code == 401
    assert browser.ask("/logs.json").status_code == 401
    assert browser.ask("/static/clew.css").status_code == 401
    assert browser.ask("/", Authorization="Bearer wrong").status_code == 401
    assert browser.ask("/", Authorization="Digest x").status_code == 401
    assert "Basic" in browser.ask("/").headers["WWW-Authenticate"]
    assert browser.ask("/", Authorization=f"Basic {basic}").status_code == 200
    assert browser.ask("/-/scrape", "POST").status_code == 401
    assert browser.ask("/-/scrape", "POST", Authorization=f"Basic {basic}").status_code == 200
    assert browser.ask("/-/healthy").status_code == 200


def test_ready_is_told_from_healthy(stores: Stores) -> None:
    browser = Browser(explorer_of(readers_of(stores), ready=lambda: False).test_client())
    assert browser.ask("/-/healthy").status_code == 200
    assert browser.ask("/-/ready").status_code == 503


@pytest.mark.parametrize("path", ["/logs?q=script", f"/requests/{FAILED}", "/", f"/requests/{FAILED}.html"])
def test_a_log_line_that_tries_to_act_stays_text(browser: Browser, path: str) -> None:
    html = browser.ask(path).get_data(as_text=True)
    assert "<script>alert" not in html
    assert not set("\x1b\u202e") & set(html)
    assert Page(html).says('<script>alert("1")</script> \\x1b[31mred')


def test_what_the_address_says_stays_text(browser: Browser) -> None:
    for path in ("/logs?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/find?id=%3Cscript%3Ealert(1)%3C/script%3E",
                 "/%3Cscript%3E", "/logs?%3Cscript%3E=1", "/traces?name=%27%22%3E%3Cb%3E"):
        html = browser.ask(path).get_data(as_text=True)
        assert "<script>alert" not in html
        assert "<script>=" not in html
        assert "<b>" not in html.replace("<b>order</b>", "")
        Page(html)


def test_json_keeps_the_line_as_it_is(browser: Browser) -> None:
    """The twin is data: whoever reads it gets what was written."""
    lines = browser.json("/logs.json?q=script")["lines"]
    assert [line["message"] for line in lines] == [f"Order ord_M29CTZ refused: user cannot say. {NASTY}"]


def test_errors_are_pages_for_people_and_problems_for_programs(browser: Browser) -> None:
    page = browser.page("/logs?limit=x&foo=1", 400)
    assert page.says("limit=x is not a whole number from 1 to 500.")
    assert page.says("There is no filter foo.")
    problem = browser.json("/logs.json?limit=x&foo=1", 400)
    assert problem["status"] == 400
    assert "limit=x" in problem["detail"]
    assert "There is no filter foo" in problem["detail"]
    assert browser.json("/nowhere.json", 404)["title"] == "Not Found"
    assert browser.page("/nowhere", 404).says("There is no page at this address.")
    assert browser.ask("/nowhere", Accept="application/json").mimetype == "application/problem+json"


class _Broken:
    """A store that cannot answer, in place of each reader."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> object:
        raise self._error


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (StoreError("logs.db is gone. See it: clew status"), 503, "logs.db is gone. See it: clew status"),
        (QueryError("take a longer step"), 400, "take a longer step"),
        (RuntimeError("password is hunter2"), 500, "The explorer hit a bug."),
    ],
)
def test_what_breaks_behind_a_page_is_said_without_its_inside(error: Exception, status: int, said: str) -> None:
    broken = _Broken(error)
    app = explorer_of(Readers(broken, broken, broken))  # type: ignore[arg-type]
    browser = Browser(app.test_client())
    assert said in browser.json("/logs.json", status)["detail"]
    page = browser.page("/traces", status)
    assert page.says(said)
    assert not page.says("hunter2")
