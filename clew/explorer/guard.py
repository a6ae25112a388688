"""
What stands between the network and the pages: who may ask, and what a browser may do with the answer.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection

from flask import Request, Response

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def own_host(request: Request, names: Collection[str] = LOOPBACK) -> bool:
    """
    Whether the ``Host`` header names this server by one of *names* and the port it listens on. A page on another name
    that resolves to 127.0.0.1 (DNS rebinding) is thereby kept out.
    """
    port = request.environ.get("SERVER_PORT", "")
    host = request.headers.get("Host", "").lower()
    return any(host == f"{name}:{port}" or (port == "80" and host == name) for name in names)


def same_origin(request: Request) -> bool:
    """
    Whether a request that changes something comes from our own page or from no page at all (curl, the command line).
    Browsers send ``Sec-Fetch-Site``, and ``Origin`` with every cross-site POST
    (https://fetch.spec.whatwg.org/#origin-header).
    """
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site is not None and site not in ("same-origin", "none"):
        return False
    return origin is None or origin == f"{request.scheme}://{request.headers.get('Host', '')}"


def has_token(request: Request, token: str) -> bool:
    """
    Whether the request carries *token*: as ``Authorization: Bearer …``, or as the password of a browser's own prompt.
    """
    authorization = request.authorization
    if authorization is None:
        return False
    given = authorization.token if authorization.type == "bearer" else authorization.password
    return hmac.compare_digest((given or "").encode(), token.encode())


def protect(response: Response) -> Response:
    """
    The headers that every answer has. Pages show stored data, so nothing may keep them; files may, if they ask again.
    """
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response
