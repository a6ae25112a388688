"""The last door itself: texts, documents, query strings and headers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

from observability.redaction import cards, encoded, shapes
from observability.redaction.documents import Walk, learn
from observability.redaction.keys import DEFAULT_DENY_KEYS, DenyKeys
from observability.redaction.marks import CUT, REDACTED, cut_mark
from observability.redaction.pairs import redact_pairs
from observability.redaction.prefilter import Prefilter
from observability.redaction.tainted import NONE, Secrets

DEFAULT_LIMIT = 32_768
_GUARD = 2048
"""Characters before a cut that are given up, because a secret may begin there whose end was cut off. More than any form
of a piece that `Secrets` keeps."""
_ROOM = 128
"""Characters that are kept free for the mark at the end of a text that was cut."""
_LAYERS = 3
"""Encodings inside each other that are taken off."""
_PASSES = 4
"""Most times a text is gone over; what one pass leaves behind may show the next one something."""

SHOWN_HEADERS: tuple[str, ...] = (
    "accept", "accept-encoding", "accept-language", "cache-control", "content-encoding", "content-length",
    "content-type", "host", "retry-after", "traceparent", "user-agent", "x-request-id", "x-request-timeout-ms",
    "x-trace-id",
)  # fmt: skip


class Redactor:
    """
    Takes out what must not leave. Safe to share between threads; the same input gives the same output.

    :param deny_keys: names whose value is never shown, lower case, words joined by dashes.
    :param shown_headers: the only headers that `headers` lets through, lower case.
    :param limit: most characters of a text; of a longer one the end is cut off, never passed on unread.
    """

    def __init__(
        self,
        *,
        deny_keys: Iterable[str] = DEFAULT_DENY_KEYS,
        shown_headers: Iterable[str] = SHOWN_HEADERS,
        limit: int = DEFAULT_LIMIT,
    ) -> None:
        if limit < 4 * _GUARD:
            raise ValueError(f"limit must be at least {4 * _GUARD} characters, not {limit}")
        self._deny = DenyKeys(deny_keys)
        self._prefilter = Prefilter(self._deny)
        self._shown = frozenset(shown_headers)
        self._limit = limit
        self._walk = Walk(self._deny, self.text)

    def text(self, value: str, secrets: Secrets = NONE) -> str:
        """
        *value* with every secret replaced by ``[redacted]``; a second pass changes nothing.

        A text of more than *limit* characters ends early with ``[cut: N characters]``.
        """
        if secrets.full:
            return REDACTED
        length = len(value)
        clean = value if length <= self._limit else value[: self._limit]
        if secrets:
            clean = secrets.redact(clean)
        if self._prefilter.suspects(clean):
            clean = self._redact(clean, secrets)
        if length <= self._limit and len(clean) <= self._limit:
            return clean
        return self._cut(clean, length)

    def document(self, fields: Mapping[str, object], secrets: Secrets = NONE) -> dict[str, object]:
        """
        A copy of *fields*, nested mappings and lists included, with clean texts.

        The value of a denied key becomes ``[redacted]``, whatever its type. Numbers, booleans and null stay; ids, names
        and times that observability itself writes (``trace.id``, ``service.name``, ``@timestamp``, …) are not read.
        Anything else becomes its text.
        """
        return self._walk.document(fields, secrets)

    def query_string(self, query: str, secrets: Secrets = NONE) -> str:
        """
        *query* with each parameter looked at by itself; clean ones stay letter by letter.
        """
        return "&".join(self._parameter(part, secrets) for part in query.split("&")) if query else query

    def headers(self, headers: Mapping[str, str], secrets: Secrets = NONE) -> dict[str, str]:
        """
        The headers that may be shown, names in lower case; all others are left out.
        """
        shown = ((name.lower(), value) for name, value in headers.items())
        return {name: self.text(value, secrets) for name, value in shown if name in self._shown}

    def learn(
        self,
        secrets: Secrets,
        *,
        headers: Iterable[tuple[str, str]] = (),
        query: str = "",
        body: object = None,
    ) -> None:
        """
        Add to *secrets* what stands under denied names in a request: headers (credentials and cookies one by one),
        query parameters, and the parsed *body* (JSON, or a form as a mapping).
        """
        for name, value in headers:
            if name in self._deny:
                _learn_header(secrets, name.lower(), value)
        for name, value in parse_qsl(query):
            if name in self._deny:
                secrets.add(value)
        if body is not None:
            learn(body, secrets, self._deny)

    def _redact(self, text: str, secrets: Secrets, layer: int = 0) -> str:
        marked = CUT.search(text)
        mark = marked[0] if marked else ""
        text = text.removesuffix(mark)  # the mark of an earlier pass is no value of a key before it
        for _ in range(_PASSES):
            clean = self._pass(text, secrets, layer)
            if clean == text:
                break
            text = clean
        return text + mark

    def _pass(self, text: str, secrets: Secrets, layer: int) -> str:
        def inner(plain: str) -> str:
            if secrets:
                plain = secrets.redact(plain)
            return self._redact(plain, secrets, layer + 1) if self._prefilter.suspects(plain) else plain

        if layer < _LAYERS and "%" in text and encoded.PERCENT.search(text):
            text = encoded.redact_percent(text, inner)
        text = shapes.redact_shapes(text)
        text = redact_pairs(text, self._deny)
        text = cards.redact_cards(text)
        if layer < _LAYERS and encoded.BASE64.search(text):
            text = encoded.redact_base64(text, inner)
        return text

    def _cut(self, clean: str, length: int) -> str:
        """
        The first part of a text that had *length* characters. If some were not read, the last ones that were are given
        up too: a secret may begin there whose end is missing.
        """
        end = len(clean) - _GUARD if length > self._limit else len(clean)
        return self._redact(clean[: min(end, self._limit - _ROOM)], NONE) + cut_mark(length)

    def _parameter(self, part: str, secrets: Secrets) -> str:
        name, equals, value = part.partition("=")
        if not equals:
            return self._encoded(name, secrets)
        shown = self._encoded(name, secrets)
        if unquote_plus(name) in self._deny:
            return f"{shown}={REDACTED}" if value else f"{shown}="
        return f"{shown}={self._encoded(value, secrets)}"

    def _encoded(self, raw: str, secrets: Secrets) -> str:
        plain = unquote_plus(raw)
        clean = self.text(plain, secrets)
        if clean != plain:
            return quote(clean, safe="[]=:", errors="replace")
        return self.text(raw, secrets)


def _learn_header(secrets: Secrets, name: str, value: str) -> None:
    """The whole value, the credentials after a scheme (Basic ones taken apart), and each cookie by itself."""
    secrets.add(value)
    if name.endswith("authorization"):
        scheme, _, credentials = value.strip().partition(" ")
        secrets.add(credentials)
        if scheme.lower() == "basic":
            secrets.add(shapes.decode_base64(credentials.strip()).decode("utf-8", "replace").partition(":")[2])
    elif name.endswith("cookie"):
        for cookie in value.split(";"):
            content = cookie.partition("=")[2].strip().strip('"')
            secrets.add(content).add(unquote(content))
