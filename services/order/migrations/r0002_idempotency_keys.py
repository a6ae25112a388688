"""Keys under which orders were placed, so that a repeated request finds its order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0002_idempotency_keys"
down_revision = "r0001_orders"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.String(30), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("order_id", sa.String(30), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
    )
    op.create_index("idempotency_keys_that_expire", "idempotency_keys", ["expires_at"])
