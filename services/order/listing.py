"""Where one is in a list of orders."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.shared.ids import is_id

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CURSOR = re.compile(r"([0-9]{1,16})\.(ord_.*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """
    Right after the order with this time and id, in a list that is sorted by both, newest first.

    It is made of what the order itself says, so it stays where it is whatever is inserted, and needs no order to exist.
    """

    created_at: datetime
    order_id: str

    @classmethod
    def read(cls, cursor: str) -> Place | None:
        """
        The place that `__str__` wrote as *cursor*; None when it wrote no such thing.
        """
        found = _CURSOR.fullmatch(cursor)
        if found is None or not is_id("ord", found[2]):
            return None
        return cls(_EPOCH + timedelta(microseconds=int(found[1])), found[2])

    def __str__(self) -> str:
        return f"{(self.created_at - _EPOCH) // timedelta(microseconds=1)}.{self.order_id}"
