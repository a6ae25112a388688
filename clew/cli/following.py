"""
Look a request up until everything of it has arrived, and show it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from clew.cli.verb import Context, Refusal
from clew.query import Readers
from clew.query.document import encode
from clew.query.dossier import Dossier, dossier, read_aloud
from clew.query.find import Found
from clew.query.words import plain

_LOOK_AGAIN_S = 0.05


def follow_until_complete(
    readers: Readers, any_id: str, *, within_s: float, services: int = 1,
    clock: Callable[[], float] = time.time, sleep: Callable[[float], None] = time.sleep,
) -> Dossier | Found | None:
    """
    What is stored about *any_id*, once nothing of it is missing and at least *services* services have reported; after
    *within_s* seconds, what there is. None if there is nothing.
    """
    deadline = clock() + within_s
    while True:
        found = dossier(readers, any_id, now_s=clock())
        complete = isinstance(found, Dossier) and not found.gaps and len(found.services) >= services
        if complete or clock() >= deadline:
            return found
        sleep(_LOOK_AGAIN_S)


def show(found: Dossier | Found, context: Context) -> None:
    """For a person, on the terminal."""
    if isinstance(found, Found):
        for candidate in found.candidates:
            context.say(f"  {candidate.trace_id}  {candidate.sentence}")
        return
    context.say(read_aloud(found.verdict))
    for row in found.spans:
        context.say(f"  {row.offset_ms:8.1f} {plain(row.duration_ms, 'ms'):>8}  {row.service:<8}{'  ' * row.depth}{row.title}")
    for gap in found.gaps:
        context.say(f"  {gap.sentence}")


def show_json(found: Dossier | Found, context: Context) -> None:
    """The document that ``/requests/<id>.json`` answers."""
    context.say(encode(found).decode())


def write_html(readers: Readers, found: Dossier | Found, path: Path, context: Context) -> None:
    raise Refusal(f"{path}: not yet {sys.platform} {readers} {found} {context}")
