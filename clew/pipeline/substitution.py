"""
``${VAR}`` and ``${VAR:default}`` inside quoted strings, from a mapping that the caller gives.

Source: logstash-core's `SubstitutionVariables` (9.x).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\$\{([a-zA-Z_.][a-zA-Z0-9_.]*)(?::([^}]*))?\}")


class MissingVariableError(Exception):
    """A variable is not set and has no default."""


def substituted(text: str, environment: Mapping[str, str]) -> str:
    """:raises MissingVariableError: the message says which and what to write."""

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = environment.get(name, default)
        if found is None:
            raise MissingVariableError(f"the variable {name} is not set; set it, or write ${{{name}:default}}.")
        return found

    return _PLACEHOLDER.sub(value, text)


def refined(text: str, environment: Mapping[str, str]) -> str | list[str]:
    """
    As `substituted`, for an option of a plugin: where a variable was replaced, quotes around the whole are taken off,
    and ``[a, b]`` becomes a list.

    :raises MissingVariableError: see `substituted`.
    """
    result = substituted(text, environment)
    if not _PLACEHOLDER.search(text):
        return result
    result = _unquoted(result)
    if not (result.startswith("[") and result.endswith("]")):
        return result
    inner = result[1:-1]
    return [_unquoted(item.strip()) for item in inner.split(",")] if inner else []


def _unquoted(text: str) -> str:
    for quote in ("'", '"'):
        if len(text) > 1 and text.startswith(quote) and text.endswith(quote):
            text = text[1:-1]
    return text
