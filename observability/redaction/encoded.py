"""
Secrets in disguise: percent-encoded (RFC 3986 section 2.1) and base64 (RFC 4648), also one inside the other.

A piece is decoded, and replaced when its decoded form would be redacted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote, unquote, unquote_plus

from observability.redaction.marks import REDACTED
from observability.redaction.shapes import decode_base64

PERCENT = re.compile(r"%[0-9A-Fa-f]{2}")
"""No text without this is percent-encoded."""

_QUAD = r"[I-Za-f][A-HQ-Xg-nw-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589][A-Za-z0-9+/_\-]"
BASE64 = re.compile(f"{_QUAD}{_QUAD}(?:{_QUAD})++")
"""No text without this holds nine letters of ASCII in base64: every byte below 128 leaves its mark in a quad."""

_RUN = re.compile(r"[A-Za-z0-9+/_\-]{12,}+={0,2}")
_WORD = re.compile(r"""[^\s"'<>]++""")
_PIECE = re.compile(r"[^&?;/,]++")
_ROUNDS = 4
"""Most layers of percent-encoding that are taken off."""


def redact_percent(text: str, redact: Callable[[str], str]) -> str:
    """*text* with each percent-encoded piece replaced whose decoded form *redact* would change."""
    return _WORD.sub(lambda word: _redact_word(word[0], redact), text)


def _redact_word(word: str, redact: Callable[[str], str]) -> str:
    if not PERCENT.search(word):
        return word
    word = _PIECE.sub(lambda piece: _redact_piece(piece[0], redact), word)
    return word if all(redact(plain) == plain for plain in _layers(word)) else REDACTED


def _redact_piece(piece: str, redact: Callable[[str], str]) -> str:
    if not PERCENT.search(piece):
        return piece
    for decode in (unquote, unquote_plus):
        for plain in reversed(_layers(piece, decode)):
            clean = redact(plain)
            if clean != plain:
                return redact(quote(clean, safe="[]=:+", errors="replace"))
    return piece


def _layers(text: str, decode: Callable[[str], str] = unquote) -> list[str]:
    """What is below *text*, layer by layer: a secret with an escape of its own, such as ``50%25``, is in one only."""
    found: list[str] = []
    for _ in range(_ROUNDS):
        plain = decode(text)
        if plain == text:
            break
        found.append(plain)
        text = plain
    return found


def redact_base64(text: str, redact: Callable[[str], str]) -> str:
    """*text* with each base64 run replaced whose decoded form *redact* would change."""
    return _RUN.sub(lambda run: _redact_run(run[0], redact), text)


def _redact_run(run: str, redact: Callable[[str], str]) -> str:
    if not BASE64.search(run):
        return run
    for offset in range(4):  # a path or a prefix before it may have shifted the quads
        plain = decode_base64(run[offset:]).decode("utf-8", "replace")
        if redact(plain) != plain:
            return REDACTED
    return run
