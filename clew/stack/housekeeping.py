"""
Retention: what the stores need not keep any more is deleted, a little at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from clew.store import StoreError, Stores


def keep_house(
    stores: Stores, stop: threading.Event, *, every_s: float = 30.0, clock: Callable[[], float] = time.time,
    report: Callable[[str], None],
) -> None:
    """
    Have each store expire what it may, every *every_s* seconds until *stop* is set. A store that cannot is reported
    and asked again the next time.
    """
    while not stop.wait(every_s):
        for store in (stores.logs, stores.samples, stores.spans):
            try:
                store.expire(now_s=clock())
            except StoreError as error:
                report(f"Retention could not delete: {error}")
