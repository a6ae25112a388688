"""
Headers that every answer has, so that a browser makes nothing of it but what it is; and no redirect, whose address
would be made of what the caller calls us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""After OWASP's REST security cheat sheet."""


def guarded(app: Flask) -> Flask:
    """
    Each answer of *app* has `HEADERS`, those included that Flask never sees; what it sets itself stays. To be called
    after `observe`, which answers some requests before Flask. A path with two slashes is another path (404).
    """
    app.url_map.merge_slashes = False

    class Guarded(type(app)):  # type: ignore[misc]
        def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Any:
            def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
                there = {name.lower() for name, _ in headers}
                added = [(name, value) for name, value in HEADERS.items() if name.lower() not in there]
                return start_response(status, [*headers, *added], exc_info)

            return super().__call__(environ, start)

    app.__class__ = Guarded
    return app
