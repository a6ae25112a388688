from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observability import Problem
from services.user.passwords import Passwords
from services.user.users import Login, Registration, User, log_in, register
from tests.services.outcomes import outcome

NOW = datetime(2026, 11, 21, 9, 42, tzinfo=UTC)
WISH = {"username": "ada", "password": "correct horse", "name": "Ada Lovelace"}


class CountingPasswords(Passwords):
    """Real hashes, cheap ones, and how many were verified."""

    def __init__(self) -> None:
        self.verified: list[str] = []
        super().__init__(memory_kib=8, passes=1)

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified.append(password_hash)
        return super().verify(password_hash, password)


class MemoryUsers:
    """Users in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[User, str]] = {}

    def add(self, user: User, password_hash: str) -> bool:
        return self.kept.setdefault(user.username, (user, password_hash))[0] is user

    def get(self, user_id: str) -> User | None:
        return next((user for user, _ in self.kept.values() if user.id == user_id), None)

    def find(self, username: str) -> tuple[User, str] | None:
        return self.kept.get(username)


@pytest.fixture
def passwords() -> CountingPasswords:
    return CountingPasswords()


@pytest.fixture
def users(passwords: CountingPasswords) -> MemoryUsers:
    users = MemoryUsers()
    register(Registration.read(WISH), users=users, passwords=passwords, now=NOW)
    return users


def test_a_new_user_has_an_id_and_the_time_of_registration_and_no_password(users: MemoryUsers) -> None:
    shown = users.kept["ada"][0].as_json()
    assert str(shown.pop("id")).startswith("usr_")
    assert shown == {"username": "ada", "name": "Ada Lovelace", "created_at": "2026-11-21T09:42:00.000000Z"}


def test_a_taken_username_is_a_conflict_and_the_first_user_stays(users: MemoryUsers, passwords: Passwords) -> None:
    first = users.kept["ada"]
    with pytest.raises(Problem, match="'ada' is taken") as refused:
        register(Registration.read(WISH | {"name": "Another"}), users=users, passwords=passwords, now=NOW)
    assert refused.value.word == "conflict"
    assert users.kept == {"ada": first}


@pytest.mark.parametrize(
    ("username", "password", "succeeds"),
    [("ada", "correct horse", True), ("ada", "wrong horse", False), ("nobody", "correct horse", False)],
)
def test_a_login_verifies_exactly_one_password_whether_or_not_the_user_exists(
    username: str, password: str, succeeds: bool, users: MemoryUsers, passwords: CountingPasswords
) -> None:
    user = log_in(Login(username, password), users=users, passwords=passwords)
    assert (user is not None) == succeeds
    assert len(passwords.verified) == 1


def test_the_hash_for_nobody_costs_what_any_other_costs(users: MemoryUsers, passwords: Passwords) -> None:
    """Argon2's parameters stand in front of the salt."""
    assert passwords.nobodys.split("$")[:4] == users.kept["ada"][1].split("$")[:4]


def test_the_password_of_nobody_logs_nobody_in(users: MemoryUsers, passwords: Passwords) -> None:
    assert log_in(Login("nobody", "the password of nobody"), users=users, passwords=passwords) is None


def test_the_cost_of_a_password_is_what_owasp_asks_for_at_least() -> None:
    assert "$argon2id$v=19$m=7168,t=5,p=1$" in Passwords().nobodys


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "Ada"), ("username", "ad"), ("username", "-ada"), ("username", "a" * 33), ("username", "ada\n"),
        ("username", "аda"), ("username", "ada@example.com"), ("username", 7), ("username", ""),
        ("password", "short"), ("password", "x" * 201), ("password", ["a"] * 8), ("password", "        "),
        ("name", ""), ("name", "  "), ("name", "x" * 101), ("name", "a\0"), ("name", {"first": "Ada"}),
        ("admin", True),
    ],
)
def test_a_malformed_registration_names_the_field(field: str, value: object) -> None:
    with pytest.raises(Problem) as refused:
        Registration.read(WISH | {field: value})
    assert [error["field"] for error in refused.value.extra["errors"]] == [field]


def test_one_name_written_in_two_ways_is_one_name() -> None:
    """Composed or not (Unicode normalisation form C), with or without blanks around it."""
    composed, apart = (Registration.read(WISH | {"name": name}).name for name in ("Zo\xeb", " Zoe\u0308 "))
    assert composed == apart


anything: Any = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text())


@given(st.dictionaries(st.sampled_from(["username", "password", "name", "x"]), anything))
def test_a_registration_is_in_order_or_refused(values: dict[str, Any]) -> None:
    wish = outcome(lambda: Registration.read(values))
    if isinstance(wish, Problem):
        assert wish.extra["errors"]
    else:
        assert 3 <= len(wish.username) <= 32
        assert wish.name == wish.name.strip() != ""
        assert len(wish.password) >= 8
