"""Users. Where the table is there already, made before there were migrations, nothing changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001_users"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(30), primary_key=True),
        sa.Column("username", sa.String(32), nullable=False, unique=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        if_not_exists=True,
    )
