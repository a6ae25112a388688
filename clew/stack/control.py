"""
The stack's own doors, beside the explorer's pages: is it ready, how is it, scrape now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from clew.query.document import encode

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class Control:
    """
    Answers ``GET /-/ready``, ``GET /-/status`` and ``POST /-/scrape`` with JSON and leaves every other path to *app*.

    Nobody else's page may knock here: the ``Host`` must be this machine's (DNS rebinding), and a browser's ``Origin``
    must be this very address.

    :param status: what ``/-/status`` says, as dataclasses.
    :param scrape: scrape all targets once and come back when their samples are stored.
    """

    def __init__(
        self, app: WSGIApplication, *, port: int, status: Callable[[], object], scrape: Callable[[], object]
    ) -> None:
        self._app = app
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._doors: dict[tuple[str, str], Callable[[], object]] = {
            ("GET", "/-/ready"): lambda: {"status": "ready"},
            ("GET", "/-/status"): status,
            ("POST", "/-/scrape"): scrape,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if not path.startswith("/-/"):
            return self._app(environ, start_response)
        host = environ.get("HTTP_HOST", "")
        if host not in self._hosts or environ.get("HTTP_ORIGIN", f"http://{host}") != f"http://{host}":
            return _answer(start_response, "403 Forbidden", {"detail": "Only this machine, and no other site's page."})
        door = self._doors.get((environ["REQUEST_METHOD"], path))
        if door is not None:
            return _answer(start_response, "200 OK", door())
        if any(known == path for _, known in self._doors):
            return _answer(start_response, "405 Method Not Allowed", {"detail": "Not with this method."})
        there_are = ", ".join(known for _, known in self._doors)
        return _answer(start_response, "404 Not Found", {"detail": f"There are: {there_are}."})


def _answer(start_response: StartResponse, status: str, document: object) -> Iterable[bytes]:
    body = encode(document)
    start_response(status, [
        ("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
    ])
    return [body]
