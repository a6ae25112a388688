"""Traps of saying too much."""

from __future__ import annotations

import base64
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

from flask import Flask, request
from opentelemetry import trace

from tests.shapes.tutorial import NoCards
from tests.traps.stage import Stage
from tests.traps.trap import Trap

PASSWORD = "correct horse/battery+staple"
CANARY = "a-canary-that-may-sing"


@dataclass(frozen=True)
class Login:
    user: str
    password: str


def forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret), quote(secret, safe=""), quote_plus(secret), base64.b64encode(secret.encode()).decode()


def nothing_is_told(say: Callable[[Stage, Login], None], url: str = "/sessions") -> Callable[[Stage], None]:
    """A check: *say* is called in a view that was sent a password; nothing that was said has it, in any form."""

    def check(stage: Stage) -> None:
        app = stage.observe(Flask("shop"))

        @app.post("/sessions")
        def session() -> str:
            logging.getLogger().info(CANARY)
            say(stage, Login(**request.get_json()))
            return "ok"

        app.test_client().post(url, json={"user": "ann", "password": PASSWORD})
        everything = stage.everything
        assert CANARY in everything
        assert [form for form in forms(PASSWORD) if form in everything] == []

    return check


def quietly(stage: Stage, login: Login) -> None:
    """Only the URL has it."""


def in_an_exception(stage: Stage, login: Login) -> None:
    with suppress(ValueError), stage.tracer().start_as_current_span("verify"):
        raise ValueError(f"no user for {login.password}")
    raise LookupError(f"{login} is not known")


def in_attributes(stage: Stage, login: Login) -> None:
    with stage.tracer().start_as_current_span("verify") as span:
        span.set_attribute("login", repr(login))
        span.add_event("verified", {"header": base64.b64encode(login.password.encode()).decode()})
    trace.get_current_span().set_attribute("form", f"user=ann&password={quote(login.password, safe='')}")


def in_arguments(stage: Stage, login: Login) -> None:
    logging.getLogger("shop").warning("%r tries again", login)
    form = {"password": login.password}
    logging.getLogger().info("login", extra={"form": form, "encoded": quote(login.password, safe="")})


def numbers_stay(stage: Stage) -> None:
    moments = [1_700_000_000_000_000_000 + 123_456_789 * n for n in range(60)]
    stage.observe(Flask("shop"))
    for moment in moments:
        logging.getLogger().info("seen", extra={"at_ns": moment})
    logging.getLogger().info("paid with 4111 1111 1111 1111")
    text = stage.everything
    assert "4111" not in text
    assert [moment for moment in moments if str(moment) not in text] == []


SECRETS: tuple[Trap[Stage], ...] = (
    Trap(
        name="secrets-in-urls",
        wrong="A query string stands unredacted in span and access line.",
        promise="Parameters with secret names are redacted, by name.",
        check=nothing_is_told(quietly, f"/sessions?token={quote(PASSWORD)}"),
    ),
    Trap(
        name="secrets-in-exceptions",
        wrong="An exception's message is an event of the span, a status text and a stack trace in the log, as it is.",
        promise="All three are redacted at the last door; what the request called a password is known by its value.",
        check=nothing_is_told(in_an_exception),
    ),
    Trap(
        name="secrets-in-attributes",
        wrong="Attributes of spans, and the `repr` of arguments in them, leave as they are.",
        promise="Redacted, raw, URL-encoded and base64.",
        check=nothing_is_told(in_attributes),
    ),
    Trap(
        name="secrets-in-arguments",
        wrong="Arguments of log calls and what is given with `extra=` are written as they are.",
        promise="Redacted, raw, URL-encoded and base64.",
        check=nothing_is_told(in_arguments),
    ),
    Trap(
        name="numbers-that-look-like-cards",
        wrong="A filter for card numbers reads finished lines: one nanosecond timestamp in ten passes Luhn's check.",
        promise="Only texts are searched; numbers, ids and times stay.",
        check=numbers_stay,
        tutorial={"formatter": NoCards},
    ),
)
