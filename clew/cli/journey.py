"""
`clew journey`: send one order through the services and show what the stack knows of it.
"""

from __future__ import annotations

import argparse
import time

from clew.cli.verb import FINE, NO, Context, Verbs, add_verb
from clew.home import Home

_COMPLETE_WITHIN_S = 3.0


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "journey", "Send one order through the running services and follow it.", example="clew journey",
        about="Registers a new user, logs in, places an order and reads it, all through the gateway.",
    )
    parser.add_argument("--first", action="store_true", help=argparse.SUPPRESS)  # as clew up does at its start
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.cli.following import follow_until_complete, show
    from clew.cli.reading import stored_readers
    from clew.journey import JourneyError, scrape_now, travel
    from clew.supervisor import read_record

    home = Home.at(context.settings.clew_home)
    record = read_record(home.run)
    if record is None or not record.alive:
        print(f"No stack is running in {home.path}. Start it: clew up", file=context.err)
        return NO
    explorer, gateway = record.url("EXPLORER_PORT"), record.url("GATEWAY_PORT")
    began = time.monotonic()
    try:
        journey = travel(gateway)
        took = time.monotonic() - began
        scrape_now(explorer)
    except JourneyError as error:
        context.say(f"{'The first journey' if args.first else 'The journey'} did not arrive. {error}")
        return NO
    context.say("")
    context.say(
        f"{'First journey' if args.first else 'Journey'}: {journey.username} registered, logged in, placed an order of "
        f"two items and read it back, in {took:.2f} s. The order, followed:"
    )
    with stored_readers(home) as readers:
        dossier = follow_until_complete(
            readers, journey.trace_id, within_s=_COMPLETE_WITHIN_S, services=3
        )
        if dossier is None:
            context.say(f"Nothing of it is stored yet. Try: clew follow {journey.trace_id}   and: clew status")
            return NO
        show(dossier, context)
    for what, where in (
        ("this request", f"{explorer}/requests/{journey.trace_id}"),
        ("overview", f"{explorer}/"),
        ("log lines", f"{explorer}/logs"),
        ("traces", f"{explorer}/traces"),
        ("gateway", f"{gateway}/api/orders"),
    ):
        context.say(f"  {what:<14}{where}")
    context.say("")
    for what, command in (
        ("follow it again", f"clew follow {journey.order_id}"),
        ("send another", "clew journey"),
        ("see how it is", "clew status"),
    ):
        context.say(f"  {what:<16}{command}")
    return FINE
