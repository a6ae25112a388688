"""
The one line: ``app = observe(Flask("billing"), telemetry)``.

One wrapper around the app's `__call__` owns one `ActiveRequest` per request and sees what the client gets: middleware
that answers before Flask, handlers that raise, bodies that break off. Flask's signals add what only Flask knows (the
route, exceptions that a handler took). Nothing else instruments the request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from flask import Flask, got_request_exception, has_request_context, request_started
from flask import request as flask_request
from flask.logging import default_handler
from opentelemetry import context as otel
from werkzeug.exceptions import HTTPException

from observability.active import ActiveRequest
from observability.body import ObservedBody, observe_file
from observability.context import ENVIRON, active_request
from observability.observed_request import observed_request_class
from observability.problems import Problem, escaped
from observability.record import UNMATCHED
from observability.telemetry import Telemetry

A = TypeVar("A", bound=Flask)
WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

METRICS_PATH = "/metrics"
QUIET_PATHS = frozenset({METRICS_PATH, "/healthz", "/readyz"})


def observe(
    app: A, telemetry: Telemetry, *, quiet: frozenset[str] = QUIET_PATHS, metrics_path: str = METRICS_PATH
) -> A:
    """
    Observe every request of *app*; returns *app*. A second call changes nothing.

    :param quiet: paths that leave no span, sample or line unless they answer 500 or above.
    :param metrics_path: where a scrape finds the metrics of all workers; empty: nowhere.
    """
    if not telemetry.enabled or "telemetry" in app.extensions:
        return app
    app.extensions["telemetry"] = telemetry
    # Flask's own handler would write exceptions to standard error, unredacted and without a trace id.
    app.logger.removeHandler(default_handler)
    observer = Observer(
        telemetry, app.name, quiet=quiet, metrics_path=metrics_path, problems=lambda: _speaks_problems(app),
    )
    if telemetry.settings.instrumentation == "flask_instrumentor":
        from observability.instrumentor import instrument

        instrument(app, telemetry, quiet)
    app.__class__ = _observed_class(type(app), observer)  # type: ignore[assignment]
    app.request_class = observed_request_class(app.request_class)
    request_started.connect(_matched, app)
    got_request_exception.connect(_crashed, app)
    return app


def observe_wsgi(app: WSGI, telemetry: Telemetry, *, name: str = "") -> WSGI:
    """
    Observe a WSGI callable that wraps observed apps, such as ``ProxyFix(app)``: what it answers itself is seen too.
    """
    if not telemetry.enabled:
        return app
    observer = Observer(
        telemetry, name or telemetry.settings.service_name, quiet=QUIET_PATHS, metrics_path="", problems=lambda: False
    )

    def observed(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        return observer.handle(app, environ, start_response)

    return observed


class Observer:
    """
    The outermost frame around one app.
    """

    def __init__(
        self, telemetry: Telemetry, name: str, *, quiet: frozenset[str], metrics_path: str,
        problems: Callable[[], bool],
    ) -> None:
        self._telemetry = telemetry
        self._name = name
        self._quiet = quiet
        self._metrics_path = metrics_path
        self._problems = problems

    def handle(
        self, inner: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        outer: ActiveRequest | None = environ.get(ENVIRON)
        if outer is not None:  # observed further out; the app that answers gives its name
            outer.app, outer.quiet = self._name, outer.quiet or environ.get("PATH_INFO", "") in self._quiet
            return self._answering(inner, environ)(environ, start_response)
        around = active_request()
        if around is not None and around.telemetry is self._telemetry and not around.finished:
            return inner(environ, start_response)  # a view calls its own app: not traffic
        return self._observe(inner, environ, start_response)

    def _observe(
        self, inner: WSGI, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        active = ActiveRequest(
            self._telemetry, self._name, environ, quiet=environ.get("PATH_INFO", "") in self._quiet
        )
        environ[ENVIRON] = active
        self._telemetry.request_began(active)
        starting, context = active.observing(start_response), active.context()
        token = otel.attach(context)
        try:
            body = self._answering(inner, environ)(environ, starting)
        except BaseException as error:
            started = active.started
            active.escaped(error)
            answer: bytes | None = None
            try:
                if isinstance(error, Exception):
                    answer = self._answer(environ, active, starting, error, started)
                active.body_bytes += len(answer or b"")
            finally:
                self._finish(active)
            if answer is None:
                raise
            return [answer]
        finally:
            otel.detach(token)
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(body, wrapper):
            return observe_file(body, active, self._finish)  # type: ignore[no-any-return]
        return ObservedBody(
            body, active, context=context, finish=self._finish, abandon=self._telemetry.abandon,
            answer=lambda error, started: self._answer(environ, active, starting, error, started),
        )

    def _answer(
        self, environ: dict[str, Any], active: ActiveRequest, starting: Callable[..., Any], error: BaseException,
        started: bool,
    ) -> bytes | None:
        """
        An exception that passed Flask by, as a problem document where the app speaks problem documents.
        """
        if not self._problems() or active.body_bytes:
            return None
        self._telemetry.log("request.crashed", "An exception passed the app by.", level="error", error=error)
        status, headers, body = escaped(environ, active.trace_id)
        starting(status, headers, *([(type(error), error, error.__traceback__)] if started else []))
        return body

    def _answering(self, inner: WSGI, environ: dict[str, Any]) -> WSGI:
        return self._metrics if self._metrics_path and environ.get("PATH_INFO") == self._metrics_path else inner

    def _metrics(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 METHOD NOT ALLOWED", [("Allow", "GET, HEAD"), ("Content-Length", "0")])
            return []
        body, content_type = self._telemetry.exposition(environ.get("HTTP_ACCEPT", ""))
        start_response("200 OK", [("Content-Type", content_type), ("Content-Length", str(len(body)))])
        return [body] if environ["REQUEST_METHOD"] == "GET" else []

    def _finish(self, active: ActiveRequest) -> None:
        if not active.finished:
            active.finished = True
            self._telemetry.request_finished(active)


def _observed_class(base: type[Flask], observer: Observer) -> type[Flask]:
    """
    A subclass of the app's own class, for this one app: `Flask` itself stays as it is.
    """

    class Observed(base):  # type: ignore[misc, valid-type]
        def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
            return observer.handle(super().__call__, environ, start_response)

        def handle_user_exception(self, e: Exception) -> Any:
            answer = super().handle_user_exception(e)
            active = _answered_here()
            if active is not None and not isinstance(e, HTTPException | Problem):
                active.note_exception(e, handled=True)
            return answer

    Observed.__name__, Observed.__qualname__, Observed.__module__ = base.__name__, base.__qualname__, base.__module__
    return Observed


def _answered_here() -> ActiveRequest | None:
    """The request that Flask is answering, unless a view asks for it as if from outside: that one is not observed."""
    return flask_request.environ.get(ENVIRON) if has_request_context() else None


def _speaks_problems(app: Flask) -> bool:
    """In tests and under a debugger Flask lets exceptions out on purpose."""
    lets_out = app.config["PROPAGATE_EXCEPTIONS"]
    if lets_out is None:
        lets_out = app.testing or app.debug
    return bool(app.extensions.get("problem_details")) and not lets_out


def _matched(app: Flask, **_: Any) -> None:
    active = _answered_here()
    if active is not None and flask_request.url_rule is not None:
        active.route = flask_request.url_rule.rule


def _crashed(app: Flask, exception: BaseException, **_: Any) -> None:
    active = _answered_here()
    if active is None:
        return
    active.note_exception(exception, handled=False)
    if active.route == UNMATCHED:
        # The exception came before Flask matched a route (opening the session, usually): look it up.
        try:
            rule, _values = app.url_map.bind_to_environ(active.environ).match(return_rule=True)
            active.route = str(rule)
        except HTTPException:
            active.route = UNMATCHED
