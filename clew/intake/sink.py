"""Where the log intake puts documents: a store here, or an Elasticsearch elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from clew.store import LogLine, StoreError


class LogSink(Protocol):
    """Every `LogStore` is one."""

    def append(self, lines: Iterable[LogLine]) -> int:
        """
        Keep *lines*, and only then return: the number of documents that were not there before. The same (index, id)
        again replaces the document.

        :raises PartlyKept: some lines were kept, others were not.
        :raises StoreError: none may be taken for kept; offer them again.
        """
        ...


class PartlyKept(StoreError):
    """
    A part of a batch was kept.

    :param new: documents that were not there before. *replaced*: those that were.
    :param left: lines to offer again later; the message says why.
    :param refused: lines that will never be taken, each with the reason.
    """

    def __init__(
        self, message: str, *, new: int, replaced: int, left: Sequence[LogLine],
        refused: Sequence[tuple[LogLine, str]],
    ) -> None:
        super().__init__(message)
        self.new = new
        self.replaced = replaced
        self.left = left
        self.refused = refused
