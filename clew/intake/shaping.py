"""From a batch of raw lines to documents: where the tail meets the pipeline."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from clew.intake.watched import Batch
from clew.store import LogLine

RawT = TypeVar("RawT")


@dataclass(frozen=True, slots=True)
class Shaped:
    """
    What a batch became: documents to keep, and one reason for each line that the pipeline dropped.
    """

    lines: Sequence[LogLine]
    dropped: Sequence[str] = ()


Shape = Callable[[Batch], Shaped]


class Document(Protocol):
    """What the pipeline's `elasticsearch` output would index. An empty id asks for one."""

    @property
    def index(self) -> str: ...
    @property
    def id(self) -> str | None: ...
    @property
    def timestamp_ns(self) -> int: ...
    @property
    def body(self) -> Mapping[str, Any]: ...


class Drop(Protocol):
    @property
    def reason(self) -> str: ...


class Outcome(Protocol):
    """What became of one raw line."""

    @property
    def documents(self) -> Sequence[Document]: ...
    @property
    def dropped(self) -> Sequence[Drop]: ...


def shape_with(
    feed: Callable[[Sequence[RawT]], Sequence[Outcome]], raw: Callable[[str, bytes, str], RawT], *, host: str
) -> Shape:
    """
    A `Shape` that hands lines to *feed*, each made by *raw* from (path, text, host), and turns its outcomes, one per
    line and in their order, into documents.

    A document without an id gets one from where its line stands and what it says, so that the same line read twice is
    still one document.
    """

    def shape(batch: Batch) -> Shaped:
        outcomes = feed([raw(batch.path, text, host) for text in batch.lines])
        lines: list[LogLine] = []
        dropped: list[str] = []
        for outcome, start, text in zip(outcomes, batch.starts(), batch.lines, strict=True):
            for part, document in enumerate(outcome.documents):
                identity = document.id or _identity(f"{batch.path} {start} {part} ", text)
                lines.append(LogLine(document.index, identity, document.timestamp_ns, document.body))
            dropped.extend(drop.reason for drop in outcome.dropped)
        return Shaped(lines, dropped)

    return shape


def _identity(place: str, text: bytes) -> str:
    return hashlib.blake2b(place.encode("utf-8", "surrogateescape") + text, digest_size=12).hexdigest()
