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


def observed_request_class(base: type[Request]) -> type[Request]:
    """
    A subclass of the app's own request class that tells telemetry the secrets it parses.
    """

    class ObservedRequest(base):  # type: ignore[misc, valid-type]
        def get_json(self, *args: Any, **kwargs: Any) -> Any:
            body = super().get_json(*args, **kwargs)
            _learn(body)
            return body

        @cached_property
        def form(self) -> ImmutableMultiDict[str, str]:
            fields: ImmutableMultiDict[str, str] = super().form
            _learn({key: fields.getlist(key) for key in fields})
            return fields

    ObservedRequest.__name__, ObservedRequest.__qualname__ = base.__name__, base.__qualname__
    return ObservedRequest


def _learn(body: object) -> None:
    active = active_request()
    if active is not None:
        active.learn(body)
