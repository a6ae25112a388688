"""What the packages do well is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from tests.traps.stage import Stage, stage


def behind_a_proxy(stage: Stage, *, observed_first: bool) -> Flask:
    app = Flask("shop")
    if observed_first:
        stage.observe(app)
    app.wsgi_app = ProxyFix(app.wsgi_app)  # type: ignore[method-assign]
    if not observed_first:
        stage.observe(app)
    app.add_url_rule("/", view_func=lambda: "ok", endpoint="home")
    return app


@pytest.mark.parametrize("kind", ["ours", "tutorial"])
@pytest.mark.parametrize("observed_first", [True, False])
def test_behind_a_proxy_the_client_is_the_one_that_the_proxy_names(
    kind: str, observed_first: bool, tmp_path: Path
) -> None:
    """In whichever order the two were put around the app."""
    with stage(kind, tmp_path, {}) as here:
        app = behind_a_proxy(here, observed_first=observed_first)
        app.test_client().get("/", headers={"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"})
        (span,) = here.spans
        told = dict(span.attributes or {})
        assert told.get("client.address", told.get("net.peer.ip")) == "203.0.113.9"
        assert told.get("url.scheme", told.get("http.scheme")) == "https"
