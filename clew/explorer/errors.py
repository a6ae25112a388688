"""
Every error as a page for people and as problem+json (RFC 9457) for programs, with the same words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import HTTP_STATUS_CODES

from clew.explorer import render
from clew.explorer.filters import BadFilter
from clew.explorer.links import Links
from clew.explorer.shell import Shell
from clew.query import QueryError, StoreError
from clew.query.words import iso
from observability import problem_response

_SENTENCES = {
    404: "There is no page at this address.",
    405: "This address can only be read.",
    500: "The explorer hit a bug. The details are in the stack's own log.",
}


class Refused(Exception):
    """The request is not answered: *status*, *sentences* for whoever asked, and further *headers*."""

    def __init__(self, status: int, *sentences: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(" ".join(sentences))
        self.status = status
        self.sentences = sentences
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """*retry*: the same page without filters, where these are what is wrong."""

    status: int
    title: str
    sentences: tuple[str, ...]
    retry: str = ""


def handle(app: Flask, clock: Callable[[], float]) -> None:
    """
    Answer every error of *app*: refusals, filters that cannot be read, stores that cannot answer, HTTP's own, bugs.
    """

    def answer(
        status: int, sentences: Sequence[str], headers: Mapping[str, str] | None = None, retry: str = ""
    ) -> Response:
        if _wants_json():
            return problem_response(status, " ".join(sentences), headers)
        title = HTTP_STATUS_CODES.get(status, "Error")
        around = Shell("", title, iso(int(clock() * 1e9)), Links(request.path, (), None))
        body = render.page("error.html", ErrorPage(status, title, tuple(sentences), retry), around)
        return Response(body, status, dict(headers or {}), mimetype="text/html")

    def from_http(error: HTTPException) -> Response | HTTPException:
        if error.code is None or error.code < 400:  # a redirect is no error
            return error
        kept = {name: value for name, value in error.get_headers() if name == "Allow"}
        return answer(error.code, [_SENTENCES.get(error.code, HTTP_STATUS_CODES.get(error.code, ""))], kept)

    app.register_error_handler(Refused, lambda error: answer(error.status, error.sentences, error.headers))
    app.register_error_handler(BadFilter, lambda error: answer(400, error.complaints, retry=request.path))
    app.register_error_handler(QueryError, lambda error: answer(400, [str(error)], retry=request.path))
    app.register_error_handler(StoreError, lambda error: answer(503, [str(error)]))
    app.register_error_handler(HTTPException, from_http)


def _wants_json() -> bool:
    if request.path.endswith(".json") or request.path.startswith("/-/"):
        return True
    offered = ("text/html", "application/json", "application/problem+json")
    return request.accept_mimetypes.best_match(offered, "text/html") != "text/html"
