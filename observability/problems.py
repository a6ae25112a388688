"""
Errors as RFC 9457 problem documents: a word in the domain, a number at the edge, problem+json on the wire.

The caller gets the trace id; the text of an exception stays in the log.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, InternalServerError, default_exceptions
from werkzeug.http import HTTP_STATUS_CODES

from observability.context import active_request

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_TYPE = "application/problem+json"

STATUS: dict[str, int] = {
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "too_large": 413,
    "unsupported_media_type": 415,
    "unprocessable": 422,
    "too_many_requests": 429,
    "internal": 500,
    "bad_gateway": 502,
    "unavailable": 503,
    "timeout": 504,
}
"""The error words and their status: the one table."""

_WORD = {status: word for word, status in STATUS.items()}
INTERNAL_DETAIL = "Something broke on our side. The log has the details under this trace id."


class Problem(Exception):
    """
    Something went wrong in a way the caller should know about.

    :param word: a key of `STATUS`.
    :param detail: one sentence for the caller; never an exception's text.
    :param headers: for example ``{"Retry-After": "1"}``.
    :param extra: further members of the document, such as ``errors=[…]``.
    """

    def __init__(self, word: str, detail: str, *, headers: Mapping[str, str] | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.word = word
        self.status = STATUS[word]
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


def document(status: int, detail: str, *, instance: str, trace_id: str, **extra: Any) -> dict[str, Any]:
    """
    The problem document. *type* is ``about:blank`` (RFC 9457 section 4.2.1), so *title* is the status' own phrase.
    """
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTP_STATUS_CODES.get(status, "Unknown Error"),
        "status": status,
        "detail": detail,
        "instance": instance,
        "trace_id": trace_id,
    }
    word = _WORD.get(status)
    if word:
        body["code"] = word
    return body | extra


def problem_response(status: int, detail: str, headers: Mapping[str, str] | None = None, **extra: Any) -> Response:
    """
    A response for the request that is being answered.
    """
    active = active_request()
    body = document(status, detail, instance=request.path, trace_id=active.trace_id if active else "", **extra)
    response = Response(json.dumps(body, ensure_ascii=False), status=status, mimetype=MEDIA_TYPE)
    response.headers.update(headers or {})
    return response


def _from_problem(problem: Problem) -> Response:
    return problem_response(problem.status, problem.detail, problem.headers, **problem.extra)


def _from_http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, InternalServerError):
        return problem_response(500, INTERNAL_DETAIL)
    if error.code is None or error.code < 400:  # a redirect is not a problem
        return error
    replaced = ("content-type", "content-length")
    kept = {name: value for name, value in error.get_headers() if name.lower() not in replaced}
    return problem_response(error.code, _sentence(error), kept)


def _sentence(error: HTTPException) -> str:
    """
    Werkzeug's own sentence for the status; a description that code passed in may carry anything, so it is not used.
    """
    own = default_exceptions.get(error.code or 500, HTTPException).description
    return own or HTTP_STATUS_CODES.get(error.code or 500, "Unknown Error")


def problem_details(app: Flask) -> Flask:
    """
    Answer every error of *app* as problem+json: raised `Problem`s, HTTP errors (404, 405, 413 …) and crashes.
    """
    app.register_error_handler(Problem, _from_problem)
    app.register_error_handler(HTTPException, _from_http)
    app.config["TRAP_BAD_REQUEST_ERRORS"] = False
    app.extensions["problem_details"] = True
    return app


def escaped(environ: Mapping[str, Any], trace_id: str) -> tuple[str, list[tuple[str, str]], bytes]:
    """
    Status line, headers and body for an exception that passed Flask by (a middleware's, say).
    """
    path = str(environ.get("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")
    body = json.dumps(document(500, INTERNAL_DETAIL, instance=path, trace_id=trace_id)).encode()
    headers = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body)))]
    return "500 INTERNAL SERVER ERROR", headers, body
