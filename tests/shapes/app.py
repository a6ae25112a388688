"""A Flask app that answers in every way an app can. It knows nothing of telemetry: see `serve.py`."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Blueprint, Flask, Response, abort, redirect, request, send_file
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import InternalServerError


class Broken(Exception):
    """Nobody handles it."""


class Handled(Exception):
    """The app has a handler for it."""


class HandlerBreaks(Exception):
    """The app has a handler for it, which raises."""


class Sessions(SecureCookieSessionInterface):
    def open_session(self, app: Flask, request: Any) -> Any:
        if request.path == "/session-breaks":
            raise Broken("no session today")
        return super().open_session(app, request)


def early_hooks(app: Flask) -> None:
    """Hooks that were registered before anybody instrumented the app."""

    @app.before_request
    def early() -> Any:
        if request.path == "/early":
            return "early", 200
        return None


def fill(app: Flask) -> Flask:
    app.config.update(MAX_CONTENT_LENGTH=10_000, SECRET_KEY="only-for-tests", TRUSTED_HOSTS=["127.0.0.1", "localhost"])
    app.session_interface = Sessions()

    @app.before_request
    def before() -> Any:
        if request.path == "/before-returns":
            return "no further", 200
        if request.path == "/before-raises":
            raise Broken("before")
        return None

    @app.after_request
    def after(response: Response) -> Response:
        if request.path == "/after-raises":
            raise Broken("after")
        return response

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        if request.path == "/teardown-raises":
            raise Broken("teardown")

    @app.errorhandler(Handled)
    def handled(error: Handled) -> tuple[str, int]:
        return "handled", 418

    @app.errorhandler(HandlerBreaks)
    def breaks(error: HandlerBreaks) -> str:
        raise Broken("the handler itself")

    @app.errorhandler(InternalServerError)
    def last(error: InternalServerError) -> InternalServerError:
        if request.path == "/last-handler-raises":
            raise Broken("the last handler")
        return error

    for path in ("/ok", "/before-returns", "/before-raises", "/after-raises", "/teardown-raises", "/early", "/replaced",
                 "/session-breaks", "/blocked", "/middleware-raises", "/write", "/no-close", "/lazy", "/old", "/last"):
        app.add_url_rule(path, path, lambda: "ok")
    app.add_url_rule("/no-content", "no-content", lambda: ("", 204))
    app.add_url_rule("/not-modified", "not-modified", lambda: ("", 304))
    app.add_url_rule("/moved", "moved", lambda: redirect("/ok"))
    app.add_url_rule("/conflict", "conflict", lambda: abort(409))
    app.add_url_rule("/json", "json", lambda: request.get_json(), methods=["POST"])
    app.add_url_rule("/echo", "echo", lambda: request.get_data(), methods=["POST"])
    app.add_url_rule("/raises", "raises", thrower(Broken("view")))
    app.add_url_rule("/handled", "handled", thrower(Handled("view")))
    app.add_url_rule("/handler-raises", "handler-raises", thrower(HandlerBreaks("view")))
    app.add_url_rule("/last-handler-raises", "last-handler-raises", thrower(Broken("view")))
    app.add_url_rule("/says-500", "says-500", lambda: ("no", 500))
    app.add_url_rule("/stream", "stream", lambda: Response(parts(b"one", b"two", b"three")))
    app.add_url_rule("/stream-raises", "stream-raises", lambda: Response(parts(Broken("first"))))
    app.add_url_rule("/stream-breaks", "stream-breaks", lambda: Response(parts(b"one", Broken("second"))))
    app.add_url_rule("/endless", "endless", lambda: Response(endless()))
    app.add_url_rule("/file", "file", lambda: send_file(io.BytesIO(b"x" * 5000), "text/plain"))
    app.add_url_rule("/nested", "nested", lambda: app.test_client().get("/ok").data)
    blue = Blueprint("blue", __name__, url_prefix="/blue")
    blue.add_url_rule("/<int:n>", "n", lambda n: str(n))
    blue.register_error_handler(ZeroDivisionError, lambda error: ("divided", 422))
    blue.add_url_rule("/divide", "divide", lambda: str(1 // 0))
    app.register_blueprint(blue)
    return app


def thrower(error: Exception) -> Callable[[], str]:
    def view() -> str:
        raise error

    return view


def parts(*things: bytes | Exception) -> Iterator[bytes]:
    for thing in things:
        if isinstance(thing, Exception):
            raise thing
        yield thing


def endless() -> Iterator[bytes]:
    for _ in range(20_000):
        yield b"x" * 65_536


class WithoutClose:
    """An iterable that has no close(): PEP 3333 allows it."""

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"o", b"k"])


def middleware(inner: Any) -> Any:
    """What strangers put between the server and Flask."""

    def outer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/blocked":
            start_response("403 FORBIDDEN", [("Content-Length", "2")])
            return [b"no"]
        if path == "/middleware-raises":
            raise Broken("middleware")
        if path == "/write":
            start_response("200 OK", [("Content-Length", "2")])(b"ok")
            return []
        if path == "/no-close":
            start_response("200 OK", [("Content-Length", "2")])
            return WithoutClose()
        if path == "/wrapped-file":
            start_response("200 OK", [("Content-Length", "9000")])
            return environ["wsgi.file_wrapper"](io.BytesIO(b"y" * 9000))  # type: ignore[no-any-return]
        if path == "/lazy":
            return lazily(environ, start_response)
        if path == "/replaced":
            def replaced(status: str, headers: Any, exc_info: Any = None) -> Any:
                return start_response("503 SERVICE UNAVAILABLE", headers, exc_info)

            return inner(environ, replaced)
        return inner(environ, start_response)

    return outer


def lazily(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """A generator: start_response is called when the server asks for the first byte."""
    start_response("200 OK", [("Content-Length", "2")])
    yield b"ok"
