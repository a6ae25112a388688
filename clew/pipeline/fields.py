"""
Field references, and reaching into nested data with them.

Source: logstash-core's `FieldReference` (the strict tokenizer) and `Accessors` (8.x and 9.x): list indices may be
negative, missing parents are made as hashes, what lies below a scalar cannot be set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAX_PARTS: Final = 50  # of a reference; deeper data would end the walks over it
MAX_PADDING: Final = 10_000  # the real engine pads a list with nulls up to any index and may run out of memory


class Missing:
    """The type of MISSING."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()  # no such field; None is a field that holds null


class EventError(Exception):
    """Something an event cannot do, such as setting a field below a scalar. Logstash raises an exception there, too."""


@dataclass(frozen=True, slots=True)
class FieldReference:
    """
    ``[a][b]`` has the path ``("a",)`` and the key ``b``.

    :param metadata: whether it starts at ``@metadata``; the path does not repeat that.
    :param root: it is ``@metadata`` itself (path and key are empty).
    """

    path: tuple[str, ...]
    key: str
    metadata: bool = False
    root: bool = False


@lru_cache(maxsize=10_000)
def reference(text: str) -> FieldReference:
    """
    *text* as a reference: ``name``, ``[name]`` or ``[a][b]``.

    :raises EventError: brackets do not match, are empty, or stand beside other text.
    """
    tokens = _tokens(text)
    if tokens == ["@metadata"]:
        return FieldReference((), "", metadata=True, root=True)
    if tokens[0] == "@metadata":
        return FieldReference(tuple(tokens[1:-1]), tokens[-1], metadata=True)
    return FieldReference(tuple(tokens[:-1]), tokens[-1])


def _tokens(text: str) -> list[str]:
    if "[" not in text and "]" not in text:
        return [text]
    tokens: list[str] = []
    depth = 0
    start = 0
    previous = ""
    for index, char in enumerate(text):
        if char == "[":
            if start != index:
                raise _invalid(text)
            depth += 1
            start = index + 1
        elif char == "]":
            if depth == 0 or (start == index and previous != "]"):
                raise _invalid(text)
            if start < index:
                tokens.append(text[start:index])
            depth -= 1
            start = index + 1
        elif previous == "]":
            raise _invalid(text)
        previous = char
    if depth or not tokens or len(tokens) > MAX_PARTS:
        raise _invalid(text)
    return tokens


def _invalid(text: str) -> EventError:
    return EventError(f"'{text}' is not a field reference")


def _index(key: str) -> int | None:
    """*key* as Java's Integer.parseInt reads it."""
    try:
        number = int(key) if not key[:1].isspace() and not key[-1:].isspace() and "_" not in key else None
    except ValueError:
        return None
    return number if number is not None and -(2**31) <= number < 2**31 else None


def fetch(container: object, key: str) -> object:
    """The child *key* of a hash or list; MISSING if it has none. A scalar cannot be asked."""
    if isinstance(container, dict):
        return container.get(key, MISSING)
    if isinstance(container, list):
        index = _index(key)
        if index is None or not -len(container) <= index < len(container):
            return MISSING
        return container[index]
    raise EventError(f"'{key}' lies below a value that is neither hash nor list")


def parent_of(data: dict[str, object], path: tuple[str, ...]) -> dict[str, object] | list[object] | None:
    """The hash or list at *path*; None if there is none."""
    target: object = data
    for key in path:
        target = fetch(target, key)
        if not isinstance(target, (dict, list)):
            return None
    return target  # type: ignore[return-value]  # narrowed to a container on every way here


def lookup(data: dict[str, object], path: tuple[str, ...], key: str) -> object:
    parent = parent_of(data, path)
    return MISSING if parent is None else fetch(parent, key)


def store(data: dict[str, object], path: tuple[str, ...], key: str, value: object) -> None:
    """Set it; parents that are missing are made. :raises EventError: a parent is a scalar."""
    target: object = data
    for step in path:
        child = fetch(target, step)
        if child is MISSING:
            child = {}
            _set_child(target, step, child)
        target = child
    _set_child(target, key, value)


def _set_child(container: object, key: str, value: object) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif isinstance(container, list):
        _set_item(container, key, value)
    else:
        raise EventError(f"'{key}' cannot be set below a value that is neither hash nor list")


def _set_item(items: list[object], key: str, value: object) -> None:
    index = _index(key)
    if index is None:
        return  # as in Logstash: a name below a list is ignored
    if index >= len(items):
        if index - len(items) > MAX_PADDING:
            raise EventError(f"index {index} is too far beyond the end of a list of {len(items)}")
        items.extend([None] * (index - len(items)))
        items.append(value)
    elif index < -len(items):
        raise EventError(f"index {index} is before the beginning of a list of {len(items)}")
    else:
        items[index] = value


def remove(data: dict[str, object], path: tuple[str, ...], key: str) -> object:
    """Take it out; what it held, MISSING if there was nothing."""
    parent = parent_of(data, path)
    if parent is None:
        return MISSING
    if isinstance(parent, dict):
        return parent.pop(key, MISSING)
    held = fetch(parent, key)
    if held is not MISSING:
        index = _index(key)
        assert index is not None  # fetch found it
        del parent[index]
    return held
