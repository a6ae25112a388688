"""
`clew journey`: send one order through the services and show what the stack knows of it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from clew.cli.verb import FINE, NO, Context, Refusal, Verbs, add_verb
from clew.home import Home

if TYPE_CHECKING:
    from clew.supervisor import RunRecord

_COMPLETE_WITHIN_S = 3.0


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "journey", "Send one order through the running services and follow it.", example="clew journey",
        about="Registers a new user, logs in, places an order and reads it, all through the gateway.",
    )
    # What clew up passes on: this is its first journey, and how its own terminal looks.
    parser.add_argument("--first", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--columns", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--colours", action="store_true", help=argparse.SUPPRESS)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.cli.following import follow_until_complete, show
    from clew.cli.reading import stored_readers
    from clew.journey import JourneyError, scrape_now, travel

    home = Home.at(context.settings.clew_home)
    record = _running(home)
    context = replace(context, columns=args.columns or context.columns, colours=args.colours or context.colours)
    name = "First journey" if args.first else "Journey"
    began = time.monotonic()
    try:
        journey = travel(record.url("GATEWAY_PORT"))
        took = time.monotonic() - began
        scrape_now(record.url("EXPLORER_PORT"))
    except JourneyError as error:
        context.say(f"\n{name}: it did not arrive. {error}")
        return NO
    context.say(
        f"\n{name}: {journey.username} registered, logged in, placed an order of two items and read it back, in "
        f"{took:.2f} s.\nThe order, followed:\n"
    )
    with stored_readers(home) as readers:
        found = follow_until_complete(readers, journey.trace_id, within_s=_COMPLETE_WITHIN_S, services=3)
        if found is None:
            context.say(f"Nothing of it is stored. Try: clew follow {journey.trace_id} --wait 5   and: clew status")
            return NO
        show(found, context)
    clew = _own_command(context)
    explorer = record.url("EXPLORER_PORT")
    _list(context, (
        ("this request", f"{explorer}/requests/{journey.order_id}"),
        ("overview", f"{explorer}/"),
        ("log lines", f"{explorer}/logs"),
        ("traces", f"{explorer}/traces"),
        ("gateway", f"{record.url('GATEWAY_PORT')}/api/orders"),
    ))
    _list(context, (
        ("follow it again", f"{clew} follow {journey.order_id}"),
        ("send another", f"{clew} journey"),
        ("how it stands", f"{clew} status"),
    ))
    return FINE


def _running(home: Home) -> RunRecord:
    from clew.supervisor import read_record

    record = read_record(home.run)
    if record is None or not record.alive:
        raise Refusal(f"No stack is running in {home.path}. Start it: clew up")
    return record


def _list(context: Context, rows: Iterable[tuple[str, str]]) -> None:
    context.say("")
    for what, value in rows:
        context.say(f"  {what:<17}{value}")


def _own_command(context: Context) -> str:
    """How this user calls `clew`: by its name if that finds this very installation, else by its path."""
    ours = Path(sys.executable).with_name("clew")
    if shutil.which("clew", path=context.environ.get("PATH", "")) == str(ours) or not ours.exists():
        return "clew"
    near = os.path.relpath(ours)
    return str(ours) if near.startswith("..") else near
