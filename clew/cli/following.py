"""
Look a request up until everything of it has arrived, and show it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from clew.cli.dossier_text import Style, dossier_text, found_text
from clew.cli.verb import Context, Refusal
from clew.query import Readers
from clew.query.document import encode
from clew.query.dossier import Dossier, dossier
from clew.query.find import Found

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
    blocks = (context.out.encoding or "").lower().replace("-", "") == "utf8"
    style = Style(width=context.columns, colours=context.colours, blocks=blocks)
    context.say(dossier_text(found, style) if isinstance(found, Dossier) else found_text(found))


def show_json(found: Dossier | Found, context: Context) -> None:
    """The document that ``/requests/<id>.json`` answers."""
    context.say(encode(found).decode())


def write_html(found: Dossier | Found, path: Path, context: Context) -> None:
    """
    One page that needs no server and loads nothing.

    :raises Refusal: the id leads to several requests, or the file cannot be written.
    """
    if not isinstance(found, Dossier):
        raise Refusal(f"{found_text(found)}\nOnly one request at a time can be written as a page.")
    from clew.explorer import offline_page

    try:
        path.write_text(offline_page(found, now_s=time.time()), "utf-8")
    except OSError as error:
        raise Refusal(f"Cannot write {path}: {error.strerror}.") from None
    context.say(f"Written: {path}")
