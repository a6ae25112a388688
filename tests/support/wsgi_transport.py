"""
Let a `requests.Session` talk to WSGI apps in this process: no socket, same adapters, same headers, same errors.

Only urllib3's connection pools are replaced, so whatever the session's adapters do around a call (spans, samples,
propagation, time-outs) happens as ever.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from urllib3 import HTTPHeaderDict, HTTPResponse
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError
from werkzeug.test import EnvironBuilder, run_wsgi_app


def route(session: requests.Session, apps: Mapping[str, Any]) -> requests.Session:
    """
    Send calls to ``http://<name>`` to ``apps[<name>]``; *apps* is read at each call, so an app can be exchanged. A name
    that is not in it refuses connections.
    """
    pools = _Pools(apps)
    choose = session.get_adapter

    def get_adapter(url: str) -> Any:
        adapter: Any = choose(url)
        adapter.poolmanager = pools
        return adapter

    session.get_adapter = get_adapter  # type: ignore[method-assign, assignment]
    return session


def hanging(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """A peer that takes the request and never answers: the caller's time-out, without the time."""
    raise ReadTimeoutError(None, environ["PATH_INFO"], "Read timed out.")  # type: ignore[arg-type]


class Answering:
    """
    A peer that gives the same answer to everything and remembers what it was asked.
    """

    def __init__(self, body: bytes, status: str = "200 OK", content_type: str = "application/json") -> None:
        self._body, self._status, self._content_type = body, status, content_type
        self.asked: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        self.asked.append(environ)
        start_response(self._status, [("Content-Type", self._content_type)])
        return [self._body]


class _Pools:
    """Stands where an adapter has its `PoolManager`."""

    def __init__(self, apps: Mapping[str, Any]) -> None:
        self._apps = apps

    def connection_from_host(self, host: str, **_: Any) -> _Pool:
        return _Pool(host, self._apps.get(host))

    def clear(self) -> None:
        """There is nothing to close."""


class _Pool:
    """Stands where the manager has a host's `HTTPConnectionPool`."""

    def __init__(self, host: str, app: Any) -> None:
        self.host = host
        self._app = app

    def urlopen(
        self, method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, **_: Any
    ) -> HTTPResponse:
        if self._app is None:
            refused = NewConnectionError(self, f"{self.host} refused the connection")  # type: ignore[arg-type]
            raise MaxRetryError(self, url, refused)  # type: ignore[arg-type]
        path, _mark, query = url.partition("?")
        environ = EnvironBuilder(
            path, f"http://{self.host}", query_string=query, method=method, headers=list((headers or {}).items()),
            data=body.encode() if isinstance(body, str) else body,
            # as a server would: it names itself, and it closes what it was given to send
            environ_base={"REMOTE_ADDR": "127.0.0.1", "SERVER_SOFTWARE": "tests"},
        ).get_environ()
        chunks, status, answer_headers = run_wsgi_app(self._app, environ, buffered=True)
        return HTTPResponse(
            body=io.BytesIO(b"".join(chunks)), headers=HTTPHeaderDict(list(answer_headers)),
            status=int(status.split(" ")[0]), preload_content=False, request_method=method,
        )
