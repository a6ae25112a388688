"""The gateway's composition root: ``python -m services.gateway.main``."""

from __future__ import annotations

import os

from flask import Flask

from observability import Settings, Telemetry
from services.gateway.app import create_app
from services.gateway.clients import HttpOrders, HttpUsers
from services.gateway.counts import SharedCounts
from services.gateway.rate import RateLimit, rate
from services.shared.peers import Peer
from services.shared.serve import serve
from services.shared.sessions import Sessions


def build(settings: Settings, telemetry: Telemetry) -> Flask:
    """
    The application as it runs.

    :raises SettingsError: when something it needs is missing.
    """
    sessions = Sessions(settings.token_secret)
    session = telemetry.session({"user": settings.user_url, "order": settings.order_url})
    patience = settings.call_timeout_s
    user = Peer("user", settings.user_url, session=session, telemetry=telemetry, timeout_s=patience)
    # the order service may itself wait that long for the user service, and then still has an answer to give
    order = Peer("order", settings.order_url, session=session, telemetry=telemetry, timeout_s=2 * patience + 0.5)
    item = rate(settings.rate_limit)
    limit = RateLimit(item, SharedCounts(settings.data_dir / "gateway-counts.db"), telemetry) if item else None
    return create_app(
        telemetry=telemetry, sessions=sessions, users=HttpUsers(user), orders=HttpOrders(order), limit=limit
    )


if __name__ == "__main__":
    serve(build, os.environ, service="gateway", port=lambda settings: settings.gateway_port, trust_sampled=False)
