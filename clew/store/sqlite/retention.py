"""Deleting what is too old, and the oldest of what is too much, a little at a time."""

from __future__ import annotations

from collections.abc import Callable

from clew.store.sqlite.database import Database

SLACK = 0.9
"""A store over its limit is brought down to this part of it, so that the next line does not begin it again."""


def expire(
    database: Database, *, max_bytes: int, delete_old: Callable[[], int], delete_oldest: Callable[[], int]
) -> int:
    """
    Delete by age, then by size, and give the room back to the disk; the number of rows deleted. Both callbacks delete
    one bounded batch in a transaction of their own and return its size: of what is past its age, and of the oldest.
    """
    deleted = _until_done(delete_old)
    if max_bytes:
        database.checkpoint()
        if database.file_bytes() > max_bytes:
            while database.used_bytes() > max_bytes * SLACK and (batch := delete_oldest()):
                deleted += batch
    if deleted:
        database.shrink()
    return deleted


def _until_done(delete: Callable[[], int]) -> int:
    deleted = 0
    while batch := delete():
        deleted += batch
    return deleted
