"""
Which names stand before a secret: ``password``, ``X-Api-Key``, ``accessToken`` and their kin.

A name is cut into words (``dbPassword2`` is db, password, 2) so that ``card`` is found in ``credit_card`` but not in
``discard``, and ``token`` in ``accesstoken`` but not in ``tokenizer``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

DEFAULT_DENY_KEYS: tuple[str, ...] = (
    "password", "passwd", "pwd", "pass", "passphrase", "passcode",
    "secret", "token", "jwt", "csrf", "xsrf", "otp", "pin",
    "auth", "authorization", "cookie", "set-cookie", "session", "sessionid", "sid",
    "api-key", "access-key", "private-key", "secret-key", "encryption-key", "signing-key",
    "credential", "signature", "sig",
    "card", "card-number", "credit-card", "pan", "cvv", "cvc", "iban", "ssn",
)  # fmt: skip
"""Names whose value is never shown. Written in lower case, words joined by dashes."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SEGMENTS = re.compile(r"[A-Za-z0-9]+")
_ABOUT = frozenset({"error", "exception", "warning"})
"""A name that ends so stands before a sentence (``TokenError: it has expired``)."""
_LONGEST_NAME = 128
"""A longer name is judged by its end: that is the part next to the value."""
_REMEMBERED = 4096


class DenyKeys:
    """
    Answers whether a name stands for a secret.

    One to four letters (``pan``) must be a word of their own, five to seven (``token``) may also end a longer word,
    eight and more (``password``) may stand anywhere. A plural counts.
    """

    def __init__(self, names: Iterable[str]) -> None:
        listed = [_words(name) for name in names]
        self._phrases = tuple(f" {' '.join(words)}{plural} " for words in listed for plural in ("", "s"))
        compact = {"".join(words) for words in listed}
        self._endings = tuple(name for name in compact if len(name) >= 5)
        self._anywhere = tuple(name for name in compact if len(name) >= 8)
        self._known: dict[str, bool] = {}
        self.last_words = frozenset(words[-1] for words in listed if len(words) > 1)
        """Words that may stand for a secret after another word: the key of *api key*."""
        self.hints = _fewest(listed)
        """No text without one of these, in lower case, names a secret."""

    def __contains__(self, name: str) -> bool:
        known = self._known.get(name)
        if known is not None:
            return known
        verdict = self._judge(name[-_LONGEST_NAME:])
        if len(name) <= _LONGEST_NAME and len(self._known) < _REMEMBERED:
            self._known[name] = verdict
        return verdict

    def _judge(self, name: str) -> bool:
        words = _words(name)
        if words and words[-1] in _ABOUT:
            return False
        phrase = f" {' '.join(words)} "
        if any(denied in phrase for denied in self._phrases):
            return True
        return any(self._ends_or_holds(segment.lower()) for segment in _SEGMENTS.findall(name))

    def _ends_or_holds(self, segment: str) -> bool:
        if segment.endswith(self._endings) or segment.removesuffix("s").endswith(self._endings):
            return True
        return any(denied in segment for denied in self._anywhere)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORDS.findall(name)]


def _fewest(listed: list[list[str]]) -> tuple[str, ...]:
    """Words so that every name of *listed* contains at least one of them."""
    single = {words[0] for words in listed if len(words) == 1}
    hints = {word for word in single if not any(other != word and other in word for other in single)}
    for words in listed:
        if not any(hint in word for hint in hints for word in words):
            hints.add(words[-1])
    return tuple(sorted(hints))
