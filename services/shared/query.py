"""Parameters in the query string."""

from __future__ import annotations

from flask import request

from observability import Problem


def whole(name: str, *, usual: int, most: int) -> int:
    """
    The parameter *name* as a number from 1 to *most*; *usual* when it is not given.

    :raises Problem: ``invalid``.
    """
    raw = request.args.get(name)
    if raw is None:
        return usual
    if not (raw.isascii() and raw.isdigit() and len(raw) <= 9 and 1 <= int(raw) <= most):
        detail = f"must be a whole number from 1 to {most}"
        raise Problem("invalid", f"The parameter {name} {detail}.", errors=[{"field": name, "detail": detail}])
    return int(raw)
