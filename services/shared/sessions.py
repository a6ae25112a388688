"""
Session tokens: signed, expiring, readable by everyone who holds the secret without asking anyone.

The user service opens sessions; the gateway reads them locally.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from itsdangerous import BadData, URLSafeSerializer

from observability import Problem, SettingsError
from services.shared.ids import is_id

LIFETIME_S = 12 * 3600
LONGEST_TOKEN = 1024
LEAST_SECRET = 16

NO_SECRET = (
    "TOKEN_SECRET is not set, or shorter than 16 characters. It signs session tokens; the gateway and the user service"
    " need the same one. Make one: export TOKEN_SECRET=$(openssl rand -hex 32)"
)


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in, and until when."""

    user_id: str
    expires_at: datetime


class Sessions:
    """
    Opens and reads sessions.

    :param secret: the key; at least 16 characters.
    :param clock: Unix seconds.
    :raises SettingsError: when the secret is missing or short.
    """

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        if len(secret) < LEAST_SECRET:
            raise SettingsError([NO_SECRET])
        signer = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
        self._tokens = URLSafeSerializer(secret, salt="clew.session.v1", signer_kwargs=signer)
        self._clock = clock

    def open(self, user_id: str) -> tuple[str, Session]:
        """
        A token for *user_id*, and the session it stands for.
        """
        expires = int(self._clock()) + LIFETIME_S
        return str(self._tokens.dumps([user_id, expires])), Session(user_id, datetime.fromtimestamp(expires, UTC))

    def current(self, authorization: str | None) -> Session:
        """
        The session of a request with this ``Authorization`` header (RFC 6750).

        :raises Problem: ``unauthorized``, with ``WWW-Authenticate``; a bad token and an expired one look the same.
        """
        scheme, _, token = (authorization or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise refusal("This needs a session: log in and send the token as Authorization: Bearer.")
        session = self._read(token)
        if session is None:
            raise refusal("The session is not valid or has expired. Log in again.", error="invalid_token")
        return session

    def _read(self, token: str) -> Session | None:
        if len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        try:
            user_id, expires = self._tokens.loads(token)
        except (BadData, ValueError, TypeError):
            return None
        if not is_id("usr", user_id) or not isinstance(expires, int) or expires <= self._clock():
            return None
        return Session(user_id, datetime.fromtimestamp(expires, UTC))


def refusal(detail: str, *, error: str = "") -> Problem:
    """
    A 401 as RFC 6750 section 3 wants it.
    """
    challenge = 'Bearer realm="clew"' + (f', error="{error}"' if error else "")
    return Problem("unauthorized", detail, headers={"WWW-Authenticate": challenge})
