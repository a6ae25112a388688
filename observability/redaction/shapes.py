"""
Secrets that are known by their shape alone, wherever they stand in a text.

Every pattern is linear: parts are possessive or bounded, and each begins only where a run of its letters begins.
"""

from __future__ import annotations

import base64
import binascii
import json
import re

from observability.redaction.marks import REDACTED

DOTTED = re.compile(r"\.[A-Za-z0-9_\-]{27}")
"""No text without this has a signed token."""

_EMAIL = re.compile(
    r"(?<![\w.+~!#$*\-])[\w.+~!#$*\-]++(?:@|%40)(?:[\w\-]{1,63}\.){1,8}(?:[^\W\d_]{2,24}|xn--[\w\-]{1,59})"
)
"""RFC 5321 mailbox at a dotted host whose last label is letters, so that ``package@1.2.3`` is none."""

_USERINFO = re.compile(
    r"""(?<=://)(?:
        [^\s/?\#"'<>@\[\]]{1,256}@(?:[^\s/?\#"'<>@\[\]]{0,256}@)?          # RFC 3986 section 3.2.1; also with a bare @
      | [^\s/?\#"'<>@\[\]:]{0,256}:(?![0-9]{1,5}[/?\#])[^\s"'<>@]{1,256}@  # a bare slash in the password
    )""",
    re.VERBOSE,
)

_BEARER = re.compile(r"""(?i)((?<![\w\-])bearer(?:[ \t+]|%20)++)([^\s"'<>,;&]++)""")
_BASIC = re.compile(r"(?i)((?<![\w\-])basic(?:[ \t+]|%20)++)([A-Za-z0-9+/_\-]{4,}+={0,2})")
_ABOUT_BEARER = re.compile(
    r"(?i)(?:tokens?|auth|authentication|authorization|schemes?|realm|errors?|headers?|is|was|and|or|of|to|in|for|with"
    r"|credentials?|format|type|missing|required|invalid|expired|refused|rejected|not)[.:)]*"
)
"""What a sentence says after *bearer* that is no token."""

_SIGNED = re.compile(r"(?<![\w.\-])[A-Za-z0-9_\-]*+(?:\.[A-Za-z0-9_\-]*+){1,5}")
_DIGEST_LENGTHS = (27, 38, 43, 64, 86)
"""Letters of a base64url SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512."""

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
)
_PASSWORD_HASH = re.compile(r"\$(?:argon2(?:id|i|d)|2[abxy]|scrypt|pbkdf2[a-z0-9\-]{0,16}|[156])\$[^\s\"'<>,;]+")
_SQL_VALUES = re.compile(
    r"(\[parameters: |\[(?:generated in|cached since|no key) [^\]\n]{1,40}\] |(?i:failing row contains) \()[^\n]*"
)
"""How SQLAlchemy and PostgreSQL write the values of a statement into messages."""


def redact_shapes(text: str) -> str:
    """*text* without private keys, hashes, statement values, tokens, credentials of URLs and headers, and e-mails."""
    if "PRIVATE KEY-----" in text:
        text = _PRIVATE_KEY.sub(REDACTED, text)
    if "$" in text:
        text = _PASSWORD_HASH.sub(REDACTED, text)
    text = _SQL_VALUES.sub(_sql_values, text)
    if "@" in text and "://" in text:
        text = _USERINFO.sub(f"{REDACTED}@", text)
    text = _BEARER.sub(_bearer, text)
    text = _BASIC.sub(_basic, text)
    if DOTTED.search(text):
        text = _SIGNED.sub(_signed, text)
    if "@" in text or "%40" in text:
        text = _EMAIL.sub(REDACTED, text)
    return text


def _sql_values(match: re.Match[str]) -> str:
    end = "]" if match[1] == "[parameters: " else ")" if match[1].endswith("(") else ""
    return f"{match[1]}{REDACTED}{end}"


def _bearer(match: re.Match[str]) -> str:
    return match[0] if _ABOUT_BEARER.fullmatch(match[2]) else match[1] + REDACTED


def _basic(match: re.Match[str]) -> str:
    """Only what decodes to ``user:password`` (RFC 7617); *basic training* stays."""
    user, colon, _ = decode_base64(match[2]).partition(b":")
    try:
        user.decode()
    except UnicodeDecodeError:
        return match[0]
    return match[1] + REDACTED if colon else match[0]


def _signed(match: re.Match[str]) -> str:
    """A JSON web token (RFC 7519), or what itsdangerous signs: payload, perhaps a time, signature."""
    payload, *others = match[0].split(".")
    compressed = not payload and len(others) > 1
    if any(len(part) >= 27 for part in others) and (compressed or _is_json(payload)):
        return REDACTED
    digest = others[-1]
    if len(digest) not in _DIGEST_LENGTHS or digest.islower() or digest.isupper():
        return match[0]
    timed = len(others) > 1 and len(others[-2]) == 6
    return REDACTED if timed or _is_mixed(digest) else match[0]


def _is_json(letters: str) -> bool:
    try:
        json.loads(decode_base64(letters))
    except ValueError:
        return False
    return True


def _is_mixed(letters: str) -> bool:
    """Capitals, small letters and others, as in a digest and in hardly any name of a class or module."""
    small = sum(letter.islower() for letter in letters)
    capital = sum(letter.isupper() for letter in letters)
    return small >= 3 and capital >= 3 and small + capital < len(letters)


def decode_base64(letters: str) -> bytes:
    """*letters* in either alphabet of RFC 4648 (sections 4 and 5), padded or not; empty when they are not base64."""
    plain = letters.rstrip("=").translate(_TO_STANDARD)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4))
    except binascii.Error:
        return b""


_TO_STANDARD = str.maketrans("-_", "+/")
