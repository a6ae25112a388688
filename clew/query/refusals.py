"""
Why a question has no answer: it was not well asked (`QueryError`), or a store cannot give one (`StoreError`).
"""

from __future__ import annotations

from clew.query import QueryError
from clew.store import StoreError

__all__ = ["QueryError", "StoreError"]
