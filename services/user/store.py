"""Users in a database."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, MetaData, Row, String, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError

from services.shared.database import Database
from services.shared.times import rfc3339
from services.user.users import User

MIGRATIONS = Path(__file__).with_name("migrations")

metadata = MetaData()
users = Table(
    "users",
    metadata,
    Column("id", String(30), primary_key=True),
    Column("username", String(32), nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("created_at", String(27), nullable=False),
)


class SqlUsers:
    """
    `services.user.users.Users` on SQLAlchemy.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        database.prepare(MIGRATIONS)

    def add(self, user: User, password_hash: str) -> bool:
        row = {
            "id": user.id,
            "username": user.username,
            "name": user.name,
            "password_hash": password_hash,
            "created_at": rfc3339(user.created_at),
        }
        try:
            with self._database.transaction() as connection:
                connection.execute(insert(users), row)
        except IntegrityError:
            return False
        return True

    def get(self, user_id: str) -> User | None:
        with self._database.transaction() as connection:
            row = connection.execute(select(users).where(users.c.id == user_id)).first()
        return _user(row) if row else None

    def find(self, username: str) -> tuple[User, str] | None:
        with self._database.transaction() as connection:
            row = connection.execute(select(users).where(users.c.username == username)).first()
        return (_user(row), str(row.password_hash)) if row else None

    def ping(self) -> None:
        """
        :raises Problem: ``unavailable`` when the database does not answer.
        """
        self._database.ping("users")


def _user(row: Row[tuple[str, str, str, str, str]]) -> User:
    return User(row.id, row.username, row.name, datetime.fromisoformat(row.created_at))
