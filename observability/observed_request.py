"""
A request whose secrets are known by their place: what stands under ``password`` in a body must not leave, wherever the
code that reads it puts it.
"""

from __future__ import annotations

from typing import Any

from flask import Request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.utils import cached_property

from observability.context import active_request
from observability.redaction import is_secret_key

_DEEPEST = 8


def observed_request_class(base: type[Request]) -> type[Request]:
    """
    A subclass of the app's own request class that tells telemetry the secrets it parses.
    """

    class ObservedRequest(base):  # type: ignore[misc, valid-type]
        def get_json(self, *args: Any, **kwargs: Any) -> Any:
            body = super().get_json(*args, **kwargs)
            note_secrets(body)
            return body

        @cached_property
        def form(self) -> ImmutableMultiDict[str, str]:
            fields: ImmutableMultiDict[str, str] = super().form
            note_secrets({key: fields.getlist(key) for key in fields})
            return fields

    ObservedRequest.__name__, ObservedRequest.__qualname__ = base.__name__, base.__qualname__
    return ObservedRequest


def note_secrets(body: Any, *, secret: bool = False, depth: int = 0) -> None:
    """
    Remember every text below a secret key of *body* for the active request.
    """
    active = active_request()
    if active is None or depth > _DEEPEST:
        return
    if isinstance(body, dict):
        for key, value in body.items():
            note_secrets(value, secret=secret or is_secret_key(str(key)), depth=depth + 1)
    elif isinstance(body, list):
        for value in body:
            note_secrets(value, secret=secret, depth=depth + 1)
    elif secret and isinstance(body, str):
        active.secrets.add(body)
