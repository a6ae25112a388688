"""
Which request is being answered here and now.

It lives in OpenTelemetry's context under a key of its own, because the current *span* changes when code in a view
starts spans, while the request stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from opentelemetry import context as otel

if TYPE_CHECKING:
    from observability.active import ActiveRequest

P = ParamSpec("P")
R = TypeVar("R")

ACTIVE = otel.create_key("active-request")
DO_NOT_TRACK = "observability.do_not_track"
"""Set in the WSGI environ by a view that is to be in no metric."""
ENVIRON = "observability.request"
"""Where the WSGI environ keeps the request: whoever finds it there is not the outermost observer."""
_RAISED_IN = "_observability_context"


def active_request() -> ActiveRequest | None:
    """
    The request that is being answered in this context; None outside of one.
    """
    return otel.get_value(ACTIVE)  # type: ignore[return-value]


def carry_context(function: Callable[P, R]) -> Callable[P, R]:
    """
    *function*, bound to the present request: in whichever thread it runs, its log lines and spans belong to it.

    Only telemetry's context is carried; Flask's `request` is not available in the other thread. What *function* raises
    belongs to the request too, also when nobody catches it (`raised_in`).
    """
    here = otel.get_current()

    @wraps(function)
    def carried(*args: P.args, **kwargs: P.kwargs) -> R:
        token = otel.attach(here)
        try:
            return function(*args, **kwargs)
        except Exception as error:
            error.__dict__.setdefault(_RAISED_IN, here)
            raise
        finally:
            otel.detach(token)

    return carried


@contextmanager
def raised_in(error: BaseException) -> Iterator[None]:
    """
    The context that a carried function raised *error* in: a line about it gets the request's ids, and its secrets stay
    out of it. For any other error the present context.
    """
    token = otel.attach(error.__dict__.get(_RAISED_IN, otel.get_current()))
    try:
        yield
    finally:
        otel.detach(token)
