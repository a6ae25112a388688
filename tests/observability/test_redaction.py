"""What must not leave is found by its name, by its shape, and in disguise."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability.redaction import DEFAULT_DENY_KEYS, NONE, REDACTED, Redactor
from tests.observability.redaction_cases import CLEAN, FRAGMENTS, PAIRS, SHAPES

redactor = Redactor()
SECRET = "hunter2-Xy9"


@pytest.mark.parametrize("spelling", PAIRS)
def test_the_value_of_a_secret_name_is_taken_out_however_it_is_spelt(spelling: str) -> None:
    clean = redactor.text(f"before {spelling.format(SECRET)}")

    assert SECRET not in clean
    assert REDACTED in clean
    assert clean.startswith("before ")


@pytest.mark.parametrize("shape", SHAPES, ids=range(len(SHAPES)))
@pytest.mark.parametrize(
    "around", ["{}", "see {} there", "({})", "a={}&b=1", '"{}"', "x: {},", "<{}>", "line\n{}\nline"]
)
def test_a_secret_is_known_by_its_shape_wherever_it_stands(shape: str, around: str) -> None:
    clean = redactor.text(around.format(shape))

    assert shape not in clean
    assert REDACTED in clean


@pytest.mark.parametrize("text", CLEAN)
def test_a_harmless_text_stays_letter_by_letter(text: str) -> None:
    assert redactor.text(text) == text


@pytest.mark.parametrize(
    "plain",
    ["password=hunter2-Xy9", "mail bob@example.com now", "card 4111 1111 1111 1111", '{"token": "hunter2-Xy9"}'],
)
@pytest.mark.parametrize(
    "disguise",
    [
        lambda text: quote(text, safe=""),
        lambda text: quote(text, safe="").lower(),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: text.replace(" ", "+").replace("@", "%40").replace("=", "%3D").replace("{", "%7B"),
        lambda text: base64.b64encode(text.encode()).decode(),
        lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
        lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
        lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
        lambda text: base64.b64encode(quote(text, safe="").encode()).decode(),
        lambda text: "/files/" + base64.urlsafe_b64encode(text.encode()).decode(),
        lambda text: "abc" + base64.b64encode(text.encode()).decode(),
    ],
)
def test_a_disguise_does_not_help(plain: str, disguise: object) -> None:
    """Percent-encoded, also twice; base64 of both alphabets, also inside each other, also behind a prefix."""
    hidden = disguise(plain)  # type: ignore[operator]

    clean = redactor.text(f"before {hidden} after")

    assert hidden not in clean
    assert REDACTED in clean
    assert (clean[:7], clean[-6:]) == ("before ", " after")


def test_what_stands_around_a_secret_stays() -> None:
    assert redactor.text("login of bob: password=hunter2, tries=3") == "login of bob: password=[redacted], tries=3"
    assert redactor.text('{"password": "a\\"b", "name": "bob"}') == '{"password": "[redacted]", "name": "bob"}'
    assert redactor.text("GET /x?token=abc&page=2") == "GET /x?token=[redacted]&page=2"
    assert redactor.text("postgresql://bob:pw@db:5432/app?a=1") == "postgresql://[redacted]@db:5432/app?a=1"
    assert redactor.text("/x?mail=bob%40example.com&page=2") == "/x?mail=[redacted]&page=2"


def test_a_text_beyond_the_limit_is_cut_with_a_mark_and_never_passed_on_unread() -> None:
    """A secret that the cut goes through is gone as a whole, and the result is no longer than the limit."""
    limit = 10_000
    small = Redactor(limit=limit)
    for before in range(limit - 60, limit + 5, 5):
        clean = small.text("x" * before + " 4111 1111 1111 1111 and password=hunter2 " + "y" * 1_000_000)
        assert "4111" not in clean
        assert "hunter2" not in clean
        assert len(clean) <= limit
        assert clean.endswith(" characters]")
        assert small.text(clean) == clean


def test_a_text_that_grows_by_redaction_stays_within_the_limit() -> None:
    small = Redactor(limit=10_000)

    clean = small.text("pwd=x&" * 1_600)

    assert len(clean) <= 10_000
    assert "=x" not in clean
    assert small.text(clean) == clean


def test_a_limit_too_small_to_be_safe_is_refused() -> None:
    with pytest.raises(ValueError, match="limit must be at least"):
        Redactor(limit=100)


messy = st.lists(st.sampled_from(FRAGMENTS), max_size=16).map("".join) | st.text(max_size=60)


@settings(max_examples=400, deadline=None)
@given(messy)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redactor.text(text)

    assert redactor.text(once) == once


@settings(max_examples=400, deadline=None)
@given(messy)
def test_the_cheap_question_never_lets_pass_what_the_patterns_would_change(text: str) -> None:
    """The prefilter is an optimisation: a text that it calls clean is clean."""
    if not redactor._prefilter.suspects(text):
        assert redactor._redact(text, NONE) == text


@settings(max_examples=200, deadline=None)
@given(messy, st.sampled_from(["password=", "token: ", '"secret": "', "'pwd': '", "Bearer ", "x://u:"]), messy)
def test_noise_around_a_secret_does_not_hide_it(before: str, key: str, after: str) -> None:
    """Whatever is before and after on other lines: an assignment on a line of its own is seen."""
    closing = {'"secret": "': '"', "'pwd': '": "'", "x://u:": "@h/"}.get(key, "")
    quiet = (
        before.replace("'", "").replace('"', "").replace("\\", "").replace("[", "").replace("(", "").replace("{", "")
    )

    assert SECRET not in redactor.text(f"{quiet}\n{key}{SECRET}{closing}\n{after}")


@pytest.mark.slow
@pytest.mark.parametrize("tail", ["", "@", "%20", "="])
def test_no_text_takes_long(tail: str) -> None:
    """Time grows with the length only: repeated fragments are the worst that patterns with backtracking can meet."""
    more = ["5 ", "password=", "://a:", "a.", "a%40", "[{", '\\"', "cGFz", "token is ", "<a", "..", "{'token': "]
    for fragment in [*FRAGMENTS, *more]:
        text = (fragment * 32_768)[: 32_768 - len(tail)] + tail
        start = time.process_time()
        redactor.text(text)
        assert time.process_time() - start < 1.5, fragment


def test_a_megabyte_is_bounded() -> None:
    start = time.process_time()

    clean = redactor.text("password=hunter2 " * 60_000)

    assert time.process_time() - start < 1.0
    assert len(clean) <= 32_768
    assert "hunter2" not in clean


@pytest.mark.parametrize(
    "name",
    [
        *DEFAULT_DENY_KEYS,
        "Password",
        "userPassword",
        "X-Api-Key",
        "apiKey",
        "APIKey",
        "access_token",
        "accesstoken",
        "idTokens",
        "DB_PASSWORD_FILE",
        "http.request.header.authorization",
        "http.request.header.cookie",
        "client-secret",
        "password2",
        "passwordHash",
        "creditCard",
        "card_number",
        "sessionId",
        "TOKEN_SECRET",
        "csrfmiddlewaretoken",
        "sessions",
        "aws_secret_access_key",
    ],
)
def test_a_secret_name_hides_its_value_whatever_type_it_has(name: str) -> None:
    for value in ("x", 12345, 1.5, True, None, ["x"], {"a": "b"}):
        assert redactor.document({name: value}) == {name: REDACTED}


@pytest.mark.parametrize(
    "name",
    [
        "author",
        "authority",
        "tokenizer",
        "discard",
        "expand",
        "company",
        "japan",
        "compass",
        "TokenError",
        "passenger",
        "spin",
        "inside",
        "signal",
        "secretary",
        "monkey",
        "keyboard",
        "assignment",
        "classname",
        "design",
        "user_agent",
        "obsession_",
    ],
)
def test_a_name_that_only_resembles_a_secret_one_is_read_as_usual(name: str) -> None:
    value = {"obsession_": REDACTED, "classname": "x"}.get(name, "x")

    assert redactor.document({name: "x"}) == {name: value}


def test_other_names_can_be_denied() -> None:
    own = Redactor(deny_keys=["loyalty-number", "colour"])

    assert (
        own.text("loyalty number: 77 colour=red password=x")
        == "loyalty number: [redacted] colour=[redacted] password=x"
    )
    assert own.document({"loyaltyNumber": 77}) == {"loyaltyNumber": REDACTED}


def test_a_document_is_read_to_its_leaves_and_numbers_stay() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no")

    fields = {
        "message": "mail to bob@example.com",
        "labels": {
            "card_like": 4111111111111111,
            "n": 1.5,
            "ok": True,
            "none": None,
            "raw": b"token=abc",
            "bob@example.com": 1,
        },
        "list": ["a", "bob@example.com", {"token": "x"}, ("pwd=abc", 7)],
        "odd": Broken(),
        "error": ValueError("password=hunter2"),
    }

    assert redactor.document(fields) == {
        "message": "mail to [redacted]",
        "labels": {"card_like": REDACTED, "n": 1.5, "ok": True, "none": None, "raw": "token=[redacted]", REDACTED: 1},
        "list": ["a", REDACTED, {"token": REDACTED}, ["pwd=[redacted]", 7]],
        "odd": "[unprintable: RuntimeError]",
        "error": "password=[redacted]",
    }
    assert redactor.document({"labels": {"number_like": 4111111111111111}}) == {
        "labels": {"number_like": 4111111111111111}
    }


def test_a_document_without_end_is_not_followed_for_ever() -> None:
    endless: dict[str, object] = {}
    endless["again"] = endless

    assert "[too deep]" in json.dumps(redactor.document(endless))


def test_a_query_string_is_read_parameter_by_parameter() -> None:
    query = "page=2&token=abc%20d&q=a%20b&mail=bob%40example.com&flag&password=&c=4111+1111+1111+1111&to%6ben=x"

    assert redactor.query_string(query) == (
        "page=2&token=[redacted]&q=a%20b&mail=[redacted]&flag&password=&c=[redacted]&to%6ben=[redacted]"
    )
    assert redactor.query_string("") == ""


def test_only_listed_headers_are_shown_and_they_are_read_too() -> None:
    headers = {
        "User-Agent": "probe (bob@example.com)",
        "Accept": "*/*",
        "Authorization": "Bearer x",
        "Cookie": "a=b",
        "X-Odd": "y",
    }

    assert redactor.headers(headers) == {"user-agent": "probe ([redacted])", "accept": "*/*"}
