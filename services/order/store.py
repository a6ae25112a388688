"""Orders in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, MetaData, Row, String, Table, insert, select

from services.order.orders import Item, Order
from services.shared.database import Database
from services.shared.times import rfc3339

MIGRATIONS = Path(__file__).with_name("migrations")

metadata = MetaData()
orders = Table(
    "orders",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("user_id", String(30), nullable=False),
    Column("items", JSON, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("total_amount", BigInteger, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", String(27), nullable=False),
    Index("orders_of_user", "user_id", "created_at", "id"),
)


class SqlOrders:
    """
    `services.order.orders.Orders` on SQLAlchemy.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.prepare(MIGRATIONS)

    def add(self, order: Order) -> None:
        row = {
            "id": order.id,
            "user_id": order.user_id,
            "items": [asdict(item) for item in order.items],
            "currency": order.currency,
            "total_amount": order.total_amount,
            "status": order.status,
            "created_at": rfc3339(order.created_at),
        }
        with self._database.transaction() as connection:
            connection.execute(insert(orders), row)

    def get(self, order_id: str) -> Order | None:
        with self._database.transaction() as connection:
            row = connection.execute(select(orders).where(orders.c.id == order_id)).first()
        return _order(row) if row else None

    def of_user(self, user_id: str, *, limit: int) -> Sequence[Order]:
        newest = (
            select(orders)
            .where(orders.c.user_id == user_id)
            .order_by(orders.c.created_at.desc(), orders.c.id.desc())
            .limit(limit)
        )
        with self._database.transaction() as connection:
            return [_order(row) for row in connection.execute(newest)]

    def ping(self) -> None:
        """
        :raises Problem: ``unavailable`` when the database does not answer.
        """
        self._database.ping("orders")


def _order(row: Row[Any]) -> Order:
    return Order(
        row.id,
        row.user_id,
        tuple(Item(**item) for item in row.items),
        row.currency,
        row.total_amount,
        row.status,
        datetime.fromisoformat(row.created_at),
    )
