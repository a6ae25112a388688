"""
The response body between app and server: counts its bytes, keeps the request current while it is produced, and ends the
request once, when the last byte was taken or the body was closed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from opentelemetry import context as otel
from opentelemetry.context import Context

if TYPE_CHECKING:
    from observability.active import ActiveRequest

Finish = Callable[["ActiveRequest"], None]
Answer = Callable[[BaseException, bool], "bytes | None"]


class ObservedBody:
    """
    :param context: the one in which the body is produced.
    :param finish: ends the request; it does nothing the second time.
    :param abandon: the same from a destructor, where nothing may block.
    :param answer: makes a problem document of an exception that came before the first byte, or returns None; it is
        told whether a status was given to the server already.
    """

    __slots__ = ("_abandon", "_active", "_answer", "_around", "_body", "_context", "_finish", "_iterator")

    def __init__(
        self, body: Iterable[bytes], active: ActiveRequest, *, context: Context, finish: Finish, abandon: Finish,
        answer: Answer,
    ) -> None:
        self._body = body
        self._active = active
        self._finish, self._abandon, self._answer = finish, abandon, answer
        self._iterator: Iterator[bytes] | None = None
        # A generator that starts a span and yields inside of it finds that span current again at its next turn.
        self._context = context
        self._around = sys.exc_info()[1]  # the whole request may stand in somebody's except block

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        active = self._active
        token = otel.attach(self._context)
        try:
            if self._iterator is None:
                self._iterator = iter(self._body)
            chunk = next(self._iterator)
            active.body_bytes += len(chunk)
            if active.body_bytes == active.content_length and not active.closes:
                self._finish(active)
            return chunk
        except StopIteration:
            self._finish(active)
            raise
        except BaseException as error:
            started = active.started
            active.escaped(error)
            answer = self._answer(error, started) if isinstance(error, Exception) and not active.body_bytes else None
            if answer is None:
                self._finish(active)
                raise
            self._iterator = iter(())
            active.body_bytes = len(answer)
            return answer
        finally:
            self._context = otel.get_current()
            otel.detach(token)

    def close(self) -> None:
        """
        Called by the server (PEP 3333). An exception in flight that is not the app's own proves that the server could
        not write to the client.
        """
        active = self._active
        writing = sys.exc_info()[1]
        token = otel.attach(self._context)
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except Exception as error:
            active.escaped(error)
            raise
        finally:
            if not active.finished:
                if writing is not None and writing is not self._around and active.crash is None:
                    active.interrupted(writing)
                self._finish(active)
            otel.detach(token)

    def __del__(self) -> None:
        if not self._active.finished:
            self._abandon(self._active)


def observe_file(body: Any, active: ActiveRequest, finish: Finish) -> Any:
    """
    The server's own file wrapper must stay what it is, or sendfile is not used: only its `close` is taken over.
    """
    close = getattr(body, "close", None)
    around = sys.exc_info()[1]

    def closed() -> None:
        writing = sys.exc_info()[1]
        try:
            if close is not None:
                close()
        finally:
            if writing is not None and writing is not around:
                active.interrupted(writing)
            else:
                active.body_bytes = max(0, active.content_length)  # the server sent it past us
            finish(active)

    body.close = closed
    return body
