"""The exact secrets of one request are found in every form; our own ids and names are left alone."""

from __future__ import annotations

import base64
import html
import json
import re
import threading
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observability.redaction import NONE, REDACTED, Redactor, Secrets

redactor = Redactor()
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=6, max_size=40).filter(
    lambda text: len(text.strip()) >= 6 and text not in REDACTED and not (set(text) & set(REDACTED))
)
FORMS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "quoted": lambda value: quote(value, safe=""),
    "quoted, slashes kept": quote,
    "quoted in small letters": lambda value: re.sub("%..", lambda match: match[0].lower(), quote(value, safe="")),
    "as a form": quote_plus,
    "twice quoted": lambda value: quote(quote(value, safe=""), safe=""),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 without padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "inside base64, one letter in": lambda value: base64.b64encode(f"u{value}!".encode()).decode(),
    "inside base64, two letters in": lambda value: base64.b64encode(f"us{value}!".encode()).decode(),
    "inside base64, three letters in": lambda value: base64.b64encode(f"us:{value}!".encode()).decode(),
    "JSON": lambda value: json.dumps(value),
    "JSON in UTF-8": lambda value: json.dumps(value, ensure_ascii=False),
    "repr": repr,
    "repr of bytes": lambda value: repr(value.encode()),
    "HTML": html.escape,
}


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None)
@given(value=values)
def test_a_secret_of_the_request_is_found_in_every_form(form: str, value: str) -> None:
    shown = FORMS[form](value)

    clean = redactor.text(f"nothing to see | {shown} | here", Secrets().add(value))

    assert shown.strip("'\"b=") not in clean
    assert REDACTED in clean


@pytest.mark.parametrize(
    "value",
    [
        "correct horse battery staple", "p&ss=w%rd/+", "пароль-тайна", 'a"b\\c<d>é\n', "🔑🔑🔑🔑", "000%00",
        "off%2550 sale",
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_awkward_letters_do_not_hide_a_secret(form: str, value: str) -> None:
    shown = FORMS[form](value)

    clean = redactor.text(f"nothing to see | {shown} | here", Secrets().add(value))

    assert shown.strip("'\"b=") not in clean
    assert clean.startswith("nothing to see | ")
    assert clean.endswith(" | here")


def test_a_secret_is_found_as_a_part_of_a_word() -> None:
    assert redactor.text("/reset/hunter2/now", Secrets().add("hunter2")) == "/reset/[redacted]/now"


def test_a_value_of_three_letters_is_replaced_only_where_it_is_the_whole_text() -> None:
    secrets = Secrets().add("abc").add("")

    assert redactor.text("abc", secrets) == REDACTED
    assert redactor.text("abcdef abc", secrets) == "abcdef abc"
    assert redactor.text("", secrets) == ""


def test_blanks_around_a_secret_do_not_matter() -> None:
    assert redactor.text("it was hunter2.", Secrets().add(" hunter2\n")) == "it was [redacted]."


def test_too_many_secrets_close_the_door() -> None:
    """When not every secret can be remembered, no free text leaves; ids and names of our own still do."""
    secrets = Secrets(most=3)
    for number in range(4):
        secrets.add(f"secret-{number}")

    assert secrets.full
    assert redactor.text("anything", secrets) == REDACTED
    assert redactor.document({"message": "anything", "trace": {"id": "a" * 32}}, secrets) == {
        "message": REDACTED,
        "trace": {"id": "a" * 32},
    }


def test_a_very_long_secret_is_remembered_in_pieces() -> None:
    value = "".join(chr(33 + (index * 7919) % 90) for index in range(3000))

    clean = redactor.text(f"x {value} y", Secrets().add(value))

    assert clean.startswith("x [redacted]")
    assert not any(value[start : start + 40] in clean for start in range(0, 2900, 20))


def test_a_long_secret_across_the_cut_leaves_no_part_of_itself() -> None:
    small = Redactor(limit=10_000)
    value = "".join(chr(97 + (index * 7919) % 26) for index in range(400))
    secrets = Secrets().add(value)
    for before in range(9_500, 10_010, 30):
        for form in (value, quote(value.upper() + "é", safe="")):
            clean = small.text(
                "x " * (before // 2) + form + " y" * 20_000, Secrets().add(value.upper() + "é").add(value)
            )
            assert form[:20] not in clean
    assert small.text("x", secrets) == "x"


def test_the_shared_empty_secrets_cannot_be_filled() -> None:
    with pytest.raises(TypeError, match="Make a Secrets"):
        NONE.add("hunter2")
    assert not NONE


def test_secrets_do_not_show_themselves() -> None:
    assert "hunter2" not in repr(Secrets().add("hunter2"))
    assert len(Secrets().add("hunter2")) == 1


def test_a_request_teaches_its_secrets() -> None:
    """Credentials, cookies one by one, parameters and body fields with secret names, at any depth."""
    secrets = Secrets()
    redactor.learn(
        secrets,
        headers=[
            ("Authorization", "Basic " + base64.b64encode(b"bob:basic-password").decode()),
            ("Proxy-Authorization", "Bearer bearer-token"),
            ("Cookie", 'theme=cookie-one; sid="cookie%20two"'),
            ("X-Api-Key", "the-api-key"),
            ("User-Agent", "not-a-secret"),
        ],
        query="page=harmless&access_token=query%2Dtoken",
        body={
            "user": {"password": "body-password", "name": "harmless"},
            "logins": [{"pin": 73911}],
            "tokens": ["t-one1", {"x": "t-two2"}],
        },
    )

    taught = [
        "basic-password",
        "bearer-token",
        "cookie-one",
        "cookie two",
        "cookie%20two",
        "the-api-key",
        "query-token",
        "body-password",
        "73911",
        "t-one1",
        "t-two2",
        base64.b64encode(b"bob:basic-password").decode(),
    ]
    for value in taught:
        assert redactor.text(f"said {value} aloud", secrets) == "said [redacted] aloud"
    assert redactor.text("not-a-secret harmless", secrets) == "not-a-secret harmless"


def test_a_body_without_end_or_of_any_shape_teaches_what_it_has() -> None:
    endless: list[object] = [{"password": ["hunter2"]}]
    endless.append(endless)
    secrets = Secrets()
    redactor.learn(secrets, body=endless)
    redactor.learn(secrets, body="just text")
    redactor.learn(secrets, body=7)

    assert redactor.text("hunter2", secrets) == REDACTED
    assert len(secrets) == 1


OWN = {
    "@timestamp": "2026-11-21T09:40:01.123456Z",
    "log": {"level": "info", "logger": "gateway"},
    "ecs": {"version": "9.4.0"},
    "service": {
        "name": "gateway",
        "version": "1.2.3",
        "environment": "production",
        "node": {"name": "5cd3b3de-94cb-4b2c-93cd-b6bb1ba12c1a"},
    },
    "process": {"pid": 4711},
    "event": {
        "id": "5cd3b3de-94cb-4b2c-93cd-b6bb1ba12c1a-12",
        "sequence": 12,
        "action": "session.opened",
        "outcome": "success",
        "duration": 4111111111111111,
    },
    "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
    "span": {"id": "4111111111111111"},
    "http": {
        "request": {"method": "POST"},
        "response": {"status_code": 201, "body": {"bytes": 12}},
        "route": "/sessions/<token>",
    },
    "error": {"type": "app.TokenError"},
}
READ = {
    "message": "POST /api/sessions answered 201",
    "http": {"request": {"id": "01936e5a-7c1f-7d3b-8e1a-0242ac120002"}},
    "url": {"path": "/api/sessions"},
    "client": {"address": "203.0.113.7"},
    "user_agent": {"original": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"},
    "error": {
        "message": "no such order",
        "stack_trace": 'Traceback (most recent call last):\n  File "app.py", line 3, in view\n',
    },
    "user": {"id": "usr_01936e5a7c1f7d3b8e1a0242ac120002"},
    "order": {"id": "ord_01936e5a7c1f7d3b8e1a0242ac120002"},
    "labels": {"sku": "book-1", "tries": 3},
}


def test_every_field_of_our_own_survives() -> None:
    assert redactor.document(OWN) == OWN
    assert redactor.document(READ) == READ


def test_a_password_chosen_to_damage_a_line_cannot() -> None:
    """Somebody whose password is *gateway*, *info* or the trace id does not blind the log."""
    hostile = Secrets()
    for value in ("gateway", "info", "success", "trace", "message", "POST", "labels", OWN["trace"]["id"], "2026"):  # type: ignore[index]
        hostile.add(value)

    clean = redactor.document({**OWN, "message": "x", "labels": {"n": 1}}, hostile)

    assert clean == {**OWN, "message": "x", "labels": {"n": 1}}


def test_names_that_a_caller_chose_are_read_too() -> None:
    clean = redactor.document({"labels": {"bob@example.com": "a", "hunter2": 1, "n": 2}}, Secrets().add("hunter2"))

    assert clean == {"labels": {REDACTED: 1, "n": 2}}


def test_flat_attribute_names_mean_the_same_as_nested_fields() -> None:
    attributes = {
        "http.route": "/sessions/<token>",
        "service.instance.id": "4111111111111111",
        "http.request.header.cookie": ("a=b",),
    }

    assert redactor.document(attributes) == {**attributes, "http.request.header.cookie": REDACTED}


@pytest.mark.slow
def test_threads_share_a_redactor() -> None:
    found: list[str] = []

    def work(number: int) -> None:
        for turn in range(300):
            secrets = Secrets().add(f"secret-{number}-{turn}")
            found.append(redactor.text(f"{number} said secret-{number}-{turn}; pwd_{turn}=x{turn}", secrets))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 1200
    assert all("secret-" not in text and text.endswith(f"={REDACTED}") for text in found)
