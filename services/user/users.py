"""What a user is, and what may go wrong when one registers or logs in."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from observability import Problem
from services.shared.fields import Fields
from services.shared.ids import new_id
from services.shared.times import rfc3339
from services.user.passwords import Passwords

USERNAME = r"[a-z0-9][a-z0-9._-]{2,31}"
USERNAME_SAYS = "must have 3 to 32 characters: a to z, 0 to 9, dot, dash or underscore; the first a letter or digit"
LONGEST_NAME = 100
SHORTEST_PASSWORD = 8
LONGEST_PASSWORD = 200


@dataclass(frozen=True, slots=True)
class User:
    """A registered user."""

    id: str
    username: str
    name: str
    created_at: datetime

    def as_json(self) -> dict[str, object]:
        return {"id": self.id, "username": self.username, "name": self.name, "created_at": rfc3339(self.created_at)}


@dataclass(frozen=True, slots=True)
class Registration:
    """A wish to register, in order."""

    username: str
    password: str
    name: str

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Registration:
        """
        :raises Problem: ``invalid``, with everything that is wrong.
        """
        fields = Fields(values)
        username = fields.text("username", longest=32, pattern=USERNAME, says=USERNAME_SAYS)
        password = fields.text("password", shortest=SHORTEST_PASSWORD, longest=LONGEST_PASSWORD)
        # composed and trimmed, so that the same name is the same text
        name = unicodedata.normalize("NFC", fields.text("name", longest=LONGEST_NAME)).strip()
        fields.check()
        return cls(username, password, name)


@dataclass(frozen=True, slots=True)
class Login:
    """A username and a password that somebody typed."""

    username: str
    password: str

    @classmethod
    def read(cls, values: Mapping[str, object]) -> Login:
        """
        Only the form is checked: whether such a username can exist is not said here.

        :raises Problem: ``invalid``, with everything that is wrong.
        """
        fields = Fields(values)
        username = fields.text("username", longest=LONGEST_PASSWORD)
        password = fields.text("password", longest=LONGEST_PASSWORD)
        fields.check()
        return cls(username, password)


class Users(Protocol):
    """Where users are kept."""

    def add(self, user: User, password_hash: str) -> bool:
        """
        Keep *user*; False, and nothing kept, when the username is taken. When this returns, everybody sees it.
        """

    def get(self, user_id: str) -> User | None:
        """
        The user with that id, if there is one.
        """

    def find(self, username: str) -> tuple[User, str] | None:
        """
        The user with exactly that username, and the hash of the password.
        """


def register(wish: Registration, *, users: Users, passwords: Passwords, now: datetime) -> User:
    """
    A new user.

    :raises Problem: ``conflict`` when the username is taken.
    """
    user = User(new_id("usr", clock=now.timestamp), wish.username, wish.name, now)
    # the first look is for the usual case, which need not pay for a hash; only `add` settles it among many at once
    if users.find(wish.username) is not None or not users.add(user, passwords.hash(wish.password)):
        raise Problem("conflict", f"The username {wish.username!r} is taken.")
    return user


def log_in(login: Login, *, users: Users, passwords: Passwords) -> User | None:
    """
    The user, or None when username and password do not belong together.

    Exactly one password is verified either way, so the time it takes does not tell whether the username exists.
    """
    found = users.find(login.username)
    matches = passwords.verify(found[1] if found else passwords.nobodys, login.password)
    return found[0] if found and matches else None
