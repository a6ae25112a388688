"""
The body of an Elasticsearch bulk request, and what its answer says of each document.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from clew.store import LogLine

CONTENT_TYPE = "application/x-ndjson"
_REFUSED = (400, 404, 409)
"""What Logstash gives up, too: a document that does not fit its mapping, an index that may not be made, a conflict."""


@dataclass(frozen=True, slots=True)
class Request:
    """One bulk request. *parts* are the bytes of each line, in the order of *lines*."""

    lines: Sequence[LogLine]
    parts: Sequence[bytes]

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)

    def halves(self) -> tuple[Request, Request]:
        """For a server that finds it too large. It must have two lines at least."""
        middle = len(self.lines) // 2
        return Request(self.lines[:middle], self.parts[:middle]), Request(self.lines[middle:], self.parts[middle:])


@dataclass(slots=True)
class Verdict:
    """What became of the lines of some requests. *why*: what the server said of the first one that is left."""

    new: int = 0
    replaced: int = 0
    left: list[LogLine] = field(default_factory=list)
    refused: list[tuple[LogLine, str]] = field(default_factory=list)
    why: str = ""


class UnusableAnswer(Exception):
    """The answer does not say what became of the documents."""


def requests(lines: Sequence[LogLine], *, most_bytes: int, most_lines: int) -> Iterator[Request]:
    """*lines* in requests of at most so many bytes (one larger line has its own) and lines."""
    begin, size = 0, 0
    parts: list[bytes] = []
    for at, line in enumerate(lines):
        part = _part(line)
        if parts and (size + len(part) > most_bytes or len(parts) == most_lines):
            yield Request(lines[begin:at], parts)
            begin, size, parts = at, 0, []
        parts.append(part)
        size += len(part)
    if parts:
        yield Request(lines[begin:], parts)


def read(answer: bytes, request: Request, verdict: Verdict) -> None:
    """
    Add what *answer*, with status 200, says of *request* to *verdict*.

    :raises UnusableAnswer: it does not speak of each line.
    """
    try:
        items = [item["index"] for item in orjson.loads(answer)["items"]]
        found = [(int(item["status"]), str(item.get("result")), item.get("error")) for item in items]
    except (ValueError, KeyError, TypeError, AttributeError) as wrong:
        raise UnusableAnswer("is no answer to a bulk request") from wrong
    if len(found) != len(request.lines):
        raise UnusableAnswer(f"speaks of {len(found)} documents, not of {len(request.lines)}")
    for line, (status, result, error) in zip(request.lines, found, strict=True):
        if status in (200, 201):
            verdict.new += result == "created"
            verdict.replaced += result != "created"
        elif status in _REFUSED:
            verdict.refused.append((line, _reason(status, error)))
        else:
            verdict.left.append(line)
            verdict.why = verdict.why or _reason(status, error)


def refuse(request: Request, why: str, verdict: Verdict) -> None:
    """The whole *request* will never be taken."""
    verdict.refused.extend((line, why) for line in request.lines)


def _part(line: LogLine) -> bytes:
    head = orjson.dumps({"index": {"_index": line.index, "_id": line.id}}, default=str)
    try:
        body = orjson.dumps(line.document)
    except TypeError:  # an integer of more than 64 bits, or a lone surrogate: the standard library can say both
        body = json.dumps(line.document, default=str).encode("ascii")
    return b"%b\n%b\n" % (head, body)


def _reason(status: int, error: object) -> str:
    """``400 document_parsing_exception: failed to parse … / illegal_argument_exception: …``: the first and the last."""
    causes: list[str] = []
    while isinstance(error, dict):
        causes.append(f"{error.get('type')}: {error.get('reason')}")
        error = error.get("caused_by")
    return f"{status} {' / '.join(dict.fromkeys((*causes[:1], *causes[-1:])))}".strip()
