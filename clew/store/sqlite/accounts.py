"""The ledger that logs and spans keep: what was ever stored, per service and instance."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from clew.store.sqlite.values import int64, utf8

MOST_ACCOUNTS = 10_000
"""Of the instances that ever wrote, the newest are remembered: every restart of a worker makes one."""


class Entries:
    """
    What one transaction adds to the ledger.
    """

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], tuple[int, int]] = {}

    def add(self, service: str, instance: str, moment_ns: int) -> None:
        stored, newest_ns = self._entries.get((service, instance), (0, moment_ns))
        self._entries[service, instance] = stored + 1, max(newest_ns, moment_ns)

    def save(self, connection: sqlite3.Connection) -> int:
        """
        Write them; how many they are.
        """
        connection.executemany(
            "INSERT INTO account (service, instance, stored, newest_ns) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (service, instance) DO UPDATE SET"
            " stored = stored + excluded.stored, newest_ns = max(newest_ns, excluded.newest_ns)",
            [
                (utf8(service), utf8(instance), stored, int64(newest_ns))
                for (service, instance), (stored, newest_ns) in self._entries.items()
            ],
        )
        return sum(stored for stored, _ in self._entries.values())


def stored_by_instance(connection: sqlite3.Connection) -> Mapping[tuple[str, str], int]:
    """
    Everything that was ever stored, by (service, instance).
    """
    rows = connection.execute("SELECT service, instance, stored FROM account").fetchall()
    return {(service, instance): stored for service, instance, stored in rows}


def forget_oldest(connection: sqlite3.Connection) -> None:
    """
    Keep the newest MOST_ACCOUNTS.
    """
    connection.execute(
        "DELETE FROM account WHERE newest_ns <"
        " (SELECT newest_ns FROM account ORDER BY newest_ns DESC LIMIT 1 OFFSET ?)",
        (MOST_ACCOUNTS - 1,),
    )
