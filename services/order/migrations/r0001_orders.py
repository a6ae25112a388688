"""Orders. Where the tables are there already, made before there were migrations, nothing changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0001_orders"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.String(30), primary_key=True),
        sa.Column("user_id", sa.String(30), nullable=False),
        sa.Column("items", sa.JSON, nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("total_amount", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        if_not_exists=True,
    )
    op.create_index("orders_of_user", "orders", ["user_id", "created_at", "id"], if_not_exists=True)
