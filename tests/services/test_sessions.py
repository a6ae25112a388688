from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability import Problem, SettingsError
from services.shared.ids import new_id
from services.shared.sessions import LIFETIME_S, Sessions
from tests.services.outcomes import outcome

SECRET = "a secret for tests only, long enough"
ADA = new_id("usr")


def refused(sessions: Sessions, authorization: str | None) -> Problem:
    with pytest.raises(Problem) as problem:
        sessions.current(authorization)
    assert problem.value.word == "unauthorized"
    assert problem.value.headers["WWW-Authenticate"].startswith('Bearer realm="clew"')
    return problem.value


def test_a_session_is_read_by_whoever_holds_the_secret() -> None:
    token, opened = Sessions(SECRET).open(ADA)
    assert Sessions(SECRET).current(f"Bearer {token}") == opened
    assert opened.user_id == ADA
    assert token.isascii()
    assert not set(token) & set("+/= \n")


def test_a_session_ends_when_it_says() -> None:
    now = [1_000_000.0]
    sessions = Sessions(SECRET, clock=lambda: now[0])
    token, session = sessions.open(ADA)
    assert session.expires_at.timestamp() == 1_000_000 + LIFETIME_S
    now[0] += LIFETIME_S - 1
    assert sessions.current(f"bearer {token}") == session
    now[0] += 1
    assert "invalid_token" in refused(sessions, f"Bearer {token}").headers["WWW-Authenticate"]


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "ada"])
def test_no_token_is_a_challenge_without_an_error(header: str | None) -> None:
    """RFC 6750 section 3.1: a request that lacks authentication gets no error code."""
    assert "error" not in refused(Sessions(SECRET), header).headers["WWW-Authenticate"]


def test_a_token_signed_with_another_secret_is_refused() -> None:
    token, _ = Sessions("another secret, long enough too").open(ADA)
    refused(Sessions(SECRET), f"Bearer {token}")


@given(st.text(max_size=60), st.integers(0, 200))
def test_a_token_that_was_changed_is_never_somebody_elses_session(noise: str, place: int) -> None:
    """It may still be the same session: the last character of base64 has bits that carry nothing."""
    sessions = Sessions(SECRET)
    token, session = sessions.open(ADA)
    changed = token[:place] + noise + token[place + len(noise) :]
    read = outcome(lambda: sessions.current(f"Bearer {changed}"))
    assert read.word == "unauthorized" if isinstance(read, Problem) else read == session


def test_a_token_of_a_megabyte_is_refused_without_being_read() -> None:
    refused(Sessions(SECRET), "Bearer " + "a" * 1_000_000)


@pytest.mark.parametrize("secret", ["", "short"])
def test_without_a_proper_secret_there_are_no_sessions(secret: str) -> None:
    with pytest.raises(SettingsError, match=r"TOKEN_SECRET is not set, or shorter.*Make one: "):
        Sessions(secret)
