"""What a service promises: the OpenAPI document beside its code, as the service itself hands it out."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Response


def contract(file: Path) -> Blueprint:
    """
    ``/openapi.json``: the document *file* as it stands there.
    """
    document = file.read_bytes()
    blueprint = Blueprint("contract", __name__)

    @blueprint.get("/openapi.json")
    def openapi() -> Response:
        return Response(document, mimetype="application/json")

    return blueprint
