"""
Password hashes: Argon2id (RFC 9106) with one of the parameter sets that OWASP's password storage cheat sheet holds for
equally strong: 7 MiB and five passes in one lane, about 20 ms on a small machine. Of those sets it takes the least
memory.
"""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MEMORY_KIB = 7 * 1024
PASSES = 5


class Passwords:
    """
    Hashes and verifies passwords. Safe to share between threads.

    :param memory_kib: *passes*: the cost; tests may pay less.
    """

    def __init__(self, *, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self.nobodys = self.hash("the password of nobody")
        """A hash that costs as much to verify as any other, for usernames that do not exist."""

    def hash(self, password: str) -> str:
        """
        A salted hash, with its parameters, as one string.
        """
        return self._hasher.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        """
        Whether *password* is the one that was hashed.
        """
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False
