"""The exact secrets of one request, so that they are found where no pattern would look."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

from observability.redaction.marks import REDACTED

_SHORTEST = 4
_CHUNK = 512
_LONGEST = 16_384
_PLAIN = re.compile(r"[A-Za-z0-9_.~\-]*")
_BASE64_LETTERS = re.compile(r"[A-Za-z0-9+/_\-=]")


class Secrets:
    """
    Values that were seen in one request: its password, its token, its cookies.

    Each is replaced wherever it occurs in a text: as it is, percent-encoded, in base64 (also inside a longer base64
    text), and escaped as in JSON, HTML and Python's repr. A value of fewer than 4 characters is replaced only where it
    is the whole text. Bounded: after *most* values `full` is true, and a `Redactor` then shows no free text at all,
    because it can no longer know what is in it.
    """

    __slots__ = ("_forms", "_most", "_values", "full")

    def __init__(self, *, most: int = 128) -> None:
        self._most = most
        self._values: set[str] = set()
        self._forms: tuple[tuple[str, ...], tuple[str, ...]] | None = None
        self.full = False

    def add(self, value: str) -> Secrets:
        """
        Remember *value*, also without the blanks around it, and a long one in pieces too, because a text may have only
        a part of it. Returns itself.
        """
        for text in {value, value.strip()}:
            if len(text) <= _LONGEST:
                self._remember(text)
            for start in range(0, len(text), _CHUNK):
                self._remember(text[start : start + _CHUNK])
        return self

    def _remember(self, value: str) -> None:
        if value in self._values or value in REDACTED:  # the empty value is in it too
            return
        if len(self._values) >= self._most:
            self.full = True
            return
        self._values.add(value)
        self._forms = None

    def __bool__(self) -> bool:
        return bool(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({len(self._values)} values)"

    def redact(self, text: str) -> str:
        """*text* with every form of every value replaced."""
        if text in self._values:
            return REDACTED
        if self._forms is None:
            self._forms = _forms_of(self._values)
        plain, encoded = self._forms
        if any(map(text.__contains__, encoded)):
            for core in encoded:
                text = _replace_run(text, core)
        if any(map(text.__contains__, plain)):
            for form in plain:
                text = text.replace(form, REDACTED)
        return text


class _NoSecrets(Secrets):
    __slots__ = ()

    def add(self, value: str) -> Secrets:
        raise TypeError("NONE is shared by everyone and stays empty. Make a Secrets() of your own for this request.")


NONE: Secrets = _NoSecrets()
"""No secrets are known."""


def _forms_of(values: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The spellings to look for, longest first: plain ones, and the certain letters of base64 ones."""
    plain: set[str] = set()
    encoded: set[str] = set()
    for value in values:
        if len(value) >= _SHORTEST:
            plain |= _spellings(value)
            encoded |= _base64_cores(value)
    plain = {form for form in plain if form not in REDACTED}
    return tuple(sorted(plain, key=len, reverse=True)), tuple(sorted(encoded, key=len, reverse=True))


def _spellings(value: str) -> set[str]:
    if _PLAIN.fullmatch(value):
        return {value}
    raw = value.encode("utf-8", "surrogatepass")
    found = {value, html.escape(value), value.replace("/", "\\/"), repr(value)[1:-1], repr(raw)[2:-1]}
    found |= {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    for safe in ("", "/", "!'()*", "!$&'()*+,;=:@/?"):  # quote_all, quote, encodeURIComponent, and a lazy query string
        upper = quote(raw, safe=safe)
        found |= {upper, _lower_hex(upper)}
    upper = quote_plus(raw)
    return found | {upper, _lower_hex(upper)}


def _lower_hex(encoded: str) -> str:
    return re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), encoded)


def _base64_cores(value: str) -> set[str]:
    """
    The letters that *value* alone decides, at each of the three places where it may start in a longer base64 text.
    """
    raw = value.encode("utf-8", "surrogatepass")
    cores = set()
    for shift in range(3):
        letters = base64.b64encode(bytes(shift) + raw).decode()
        first = (shift * 8 + 5) // 6
        last = (shift + len(raw)) * 8 // 6
        cores |= {letters[first:last], letters[first:last].replace("+", "-").replace("/", "_")}
    return cores


def _replace_run(text: str, core: str) -> str:
    """*text* with each base64 run that holds *core* replaced from end to end."""
    parts: list[str] = []
    done = 0
    while (start := text.find(core, done)) >= 0:
        end = start + len(core)
        while start > done and _BASE64_LETTERS.match(text[start - 1]):
            start -= 1
        while end < len(text) and _BASE64_LETTERS.match(text[end]):
            end += 1
        parts += (text[done:start], REDACTED)
        done = end
    return "".join((*parts, text[done:])) if parts else text
