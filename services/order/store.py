"""Orders in a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Index,
    MetaData,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from services.order.listing import Place
from services.order.once import Once
from services.order.orders import CANCELLED, PLACED, Item, Order
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
keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", String(30), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("order_id", String(30), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Index("idempotency_keys_that_expire", "expires_at"),
)


class SqlOrders:
    """
    `services.order.orders.Orders` on SQLAlchemy.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.prepare(MIGRATIONS)

    def add(self, order: Order, once: Once | None = None) -> bool:
        row = {
            "id": order.id,
            "user_id": order.user_id,
            "items": [asdict(item) for item in order.items],
            "currency": order.currency,
            "total_amount": order.total_amount,
            "status": order.status,
            "created_at": rfc3339(order.created_at),
        }
        try:
            with self._database.transaction() as connection:
                if once is not None:
                    self._keep(connection, order, once)
                connection.execute(insert(orders), row)
        except IntegrityError:
            if once is None:
                raise
            return False
        return True

    def _keep(self, connection: Connection, order: Order, once: Once) -> None:
        connection.execute(delete(keys).where(keys.c.expires_at <= rfc3339(order.created_at)))
        row = {
            "user_id": order.user_id,
            "key": once.key,
            "fingerprint": once.fingerprint,
            "order_id": order.id,
            "expires_at": rfc3339(once.expires_at),
        }
        connection.execute(insert(keys), row)

    def placed_as(self, user_id: str, key: str, *, now: datetime) -> tuple[Order, str] | None:
        found = (
            select(orders, keys.c.fingerprint)
            .join_from(keys, orders, orders.c.id == keys.c.order_id)
            .where(keys.c.user_id == user_id, keys.c.key == key, keys.c.expires_at > rfc3339(now))
        )
        with self._database.transaction() as connection:
            row = connection.execute(found).first()
        return (_order(row), str(row.fingerprint)) if row else None

    def cancel(self, order_id: str) -> bool:
        placed = (orders.c.id == order_id) & (orders.c.status == PLACED)
        with self._database.transaction() as connection:
            return connection.execute(update(orders).where(placed).values(status=CANCELLED)).rowcount == 1

    def get(self, order_id: str) -> Order | None:
        with self._database.transaction() as connection:
            row = connection.execute(select(orders).where(orders.c.id == order_id)).first()
        return _order(row) if row else None

    def of_user(self, user_id: str, *, limit: int, after: Place | None = None) -> Sequence[Order]:
        place = tuple_(orders.c.created_at, orders.c.id)
        newest = select(orders).where(orders.c.user_id == user_id)
        if after is not None:
            newest = newest.where(place < tuple_(rfc3339(after.created_at), after.order_id))
        newest = newest.order_by(orders.c.created_at.desc(), orders.c.id.desc()).limit(limit)
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
