"""The order service's composition root: ``python -m services.order.main``."""

from __future__ import annotations

import os

from flask import Flask

from observability import Settings, Telemetry
from services.order.app import create_app
from services.order.clients import HttpUsers
from services.order.store import SqlOrders
from services.shared.database import Database
from services.shared.peers import Peer
from services.shared.serve import serve


def build(settings: Settings, telemetry: Telemetry) -> Flask:
    """
    The application as it runs.

    :raises SettingsError: when something it needs is missing.
    """
    session = telemetry.session({"user": settings.user_url})
    user = Peer("user", settings.user_url, session=session, telemetry=telemetry, timeout_s=settings.call_timeout_s)
    return create_app(
        telemetry=telemetry,
        users=HttpUsers(user),
        orders=SqlOrders(Database.from_settings(settings, telemetry, name="order")),
    )


if __name__ == "__main__":
    serve(build, os.environ, service="order", port=lambda settings: settings.order_port)
