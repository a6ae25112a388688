"""The stores keep their promises on Postgres too."""

from __future__ import annotations

from tests.services.store_suite import *  # noqa: F403
