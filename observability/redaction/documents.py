"""Redaction of nested fields: which are read, which are known to be harmless, which are never shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from observability.redaction.keys import DenyKeys
from observability.redaction.marks import REDACTED
from observability.redaction.tainted import Secrets
from observability.vocabulary import ATTRIBUTES

OWN_FIELDS = frozenset({
    "@timestamp", "log.level", "log.logger", "ecs.version", "process.pid", "trace.id", "span.id", "http.route",
    "service.name", "service.version", "service.environment", "service.node.name", "service.instance.id",
    "event.id", "event.sequence", "event.action", "event.outcome", "event.duration",
    "http.request.method", "http.response.status_code", "http.response.body.bytes", "error.type", "exception.type",
})  # fmt: skip
"""Fields whose text comes from observability or from code, never from a caller. They are not read, so an id stays."""

READ_FIELDS = frozenset({
    "message", "http.request.id", "url.path", "client.address", "user_agent.original", "error.message",
    "error.stack_trace", "user.id", "order.id", "labels",
})  # fmt: skip
"""Fields whose text is read, but whose name is ours: no secret of a request may change it."""

_DEEPEST = 16
_TOO_DEEP = "[too deep]"
_KEEP, _DENY, _READ, _STRANGE = range(4)
_REMEMBERED = 4096


class _Level:
    """What is known about the names at one place of a document."""

    __slots__ = ("below", "names", "prefix")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.names: dict[str, int] = {}
        self.below: dict[str, _Level] = {}


class Walk:
    """Walks fields with the dotted path of each, so that flat and nested names mean the same."""

    def __init__(self, deny: DenyKeys, text: Callable[[str, Secrets], str]) -> None:
        self._deny = deny
        self._text = text
        self._room = _REMEMBERED
        self._top = _Level("")
        fields = OWN_FIELDS | READ_FIELDS | ATTRIBUTES.keys()
        self._ours = fields | {field[:dot] for field in fields for dot, letter in enumerate(field) if letter == "."}

    def document(self, fields: Mapping[str, object], secrets: Secrets) -> dict[str, object]:
        return self._mapping(fields, secrets, self._top, 0)

    def _mapping(self, fields: Mapping[str, object], secrets: Secrets, level: _Level, depth: int) -> dict[str, object]:
        clean: dict[str, object] = {}
        names = level.names
        text = self._text
        for key, value in fields.items():
            name = key if type(key) is str else str(key)
            verdict = names.get(name)
            if verdict is None:
                verdict = self._judge(level, name)
            if verdict == _KEEP:
                clean[name] = value
                continue
            if verdict == _STRANGE:
                name = text(name, secrets)
            kind = type(value)
            if verdict == _DENY:
                clean[name] = REDACTED
            elif kind is str:
                clean[name] = text(value, secrets)  # type: ignore[arg-type]  # just asked
            elif kind is int or kind is float or kind is bool or value is None:
                clean[name] = value
            elif kind is dict:
                below = level.below.get(name) or self._below(level, name)
                clean[name] = self._mapping(value, secrets, below, depth + 1) if depth < _DEEPEST else _TOO_DEEP  # type: ignore[arg-type]
            else:
                clean[name] = self._other(value, secrets, level.below.get(name) or self._below(level, name), depth)
        return clean

    def _judge(self, level: _Level, name: str) -> int:
        path = level.prefix + name
        if path in OWN_FIELDS:
            verdict = _KEEP
        elif name in self._deny:
            verdict = _DENY
        else:
            verdict = _READ if path in self._ours else _STRANGE
        if self._room > 0 and len(path) < 256:
            self._room -= 1
            level.names[name] = verdict
        return verdict

    def _below(self, level: _Level, name: str) -> _Level:
        below = _Level(f"{level.prefix}{name}.")
        if self._room > 0 and len(below.prefix) < 256:
            self._room -= 1
            level.below[name] = below
        return below

    def _other(self, value: object, secrets: Secrets, level: _Level, depth: int) -> object:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return self._text(value, secrets)
        if depth >= _DEEPEST:
            return _TOO_DEEP
        if isinstance(value, Mapping):
            return self._mapping(value, secrets, level, depth + 1)
        if isinstance(value, list | tuple | set | frozenset):
            return [self._other(item, secrets, level, depth + 1) for item in value]
        if isinstance(value, bytes | bytearray | memoryview):
            return self._text(bytes(value).decode("utf-8", "replace"), secrets)
        return self._text(_as_text(value), secrets)


def learn(value: object, secrets: Secrets, deny: DenyKeys, depth: int = 0) -> None:
    """Add to *secrets* every text and number below a denied key of *value*."""
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if str(key) in deny:
                _add_all(item, secrets, depth)
            else:
                learn(item, secrets, deny, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            learn(item, secrets, deny, depth + 1)


def _add_all(value: object, secrets: Secrets, depth: int) -> None:
    if depth > _DEEPEST:
        return
    if isinstance(value, Mapping):
        for item in value.values():
            _add_all(item, secrets, depth + 1)
    elif isinstance(value, list | tuple):
        for item in value:
            _add_all(item, secrets, depth + 1)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        secrets.add(str(value))


def _as_text(value: object) -> str:
    try:
        return str(value)
    except Exception as broken:  # noqa: BLE001 - somebody else's __str__ may raise anything
        return f"[unprintable: {type(broken).__name__}]"
