"""How answers are written."""

from __future__ import annotations

from flask import Flask
from flask.json.provider import DefaultJSONProvider


class _Readable(DefaultJSONProvider):
    """Fields in the order a view names them, characters as they are."""

    sort_keys = False
    ensure_ascii = False


def readable(app: Flask) -> Flask:
    """
    Answers of *app* are JSON that a person can read: the id comes first, and Zoë is Zoë.
    """
    app.json = _Readable(app)
    return app
