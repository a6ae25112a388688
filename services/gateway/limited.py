"""The rate limit as HTTP says it."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask, Response, g, request

from observability import Problem
from services.gateway.rate import RateLimit


def limited(app: Flask, limit: RateLimit | None, who: Callable[[], str]) -> Flask:
    """
    Refuse what *who* asks beyond *limit* below ``/api/``, with 429 and ``Retry-After``, and tell everybody how much is
    left (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/).
    """
    if limit is None:
        return app
    policy = f'"default";q={limit.item.amount};w={limit.item.get_expiry()}'

    @app.before_request
    def _count() -> None:
        taken = limit.take(who()) if request.path.startswith("/api/") else None
        if taken is None:
            return
        may, left, ends_s = taken
        g.rate = {"RateLimit-Policy": policy, "RateLimit": f'"default";r={left};t={ends_s}'}
        if not may:
            after = {"Retry-After": str(ends_s)}
            raise Problem("too_many_requests", f"Too many requests. Ask again in {ends_s} s.", headers=after)

    @app.after_request
    def _tell(response: Response) -> Response:
        response.headers.update(g.get("rate", {}))
        return response

    return app
