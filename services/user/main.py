"""The user service's composition root: ``python -m services.user.main``."""

from __future__ import annotations

import os

from flask import Flask

from observability import Settings, Telemetry
from services.shared.database import Database
from services.shared.memory import return_large_blocks
from services.shared.serve import serve
from services.shared.sessions import Sessions
from services.user.app import create_app
from services.user.passwords import Passwords
from services.user.store import SqlUsers


def build(settings: Settings, telemetry: Telemetry) -> Flask:
    """
    The application as it runs.

    :raises SettingsError: when something it needs is missing.
    """
    return create_app(
        telemetry=telemetry,
        sessions=Sessions(settings.token_secret),
        passwords=Passwords(),
        users=SqlUsers(Database.from_settings(settings, telemetry, name="user")),
    )


if __name__ == "__main__":
    return_large_blocks()  # passwords are hashed in some, and the first of them tells glibc what to keep
    serve(build, os.environ, service="user", port=lambda settings: settings.user_port)
