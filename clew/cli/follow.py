"""
`clew follow ID`: everything that is stored about one request, in the terminal.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from clew.cli.verb import FINE, Context, Refusal, Verbs, add_verb
from clew.home import Home


def register(verbs: Verbs) -> None:
    parser = add_verb(
        verbs, "follow", "Show everything that is stored about one request.",
        example="clew follow ord_01k9zt6p2x --wait 5",
        about="Reads the stores, so it also works after clew down.",
    )
    parser.add_argument("id", metavar="ID", help="a trace, span, order, user, request or event id")
    parser.add_argument("--json", action="store_true", help="the document of /requests/<id>.json")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write it as one page that needs no server")
    parser.add_argument(
        "--wait", type=_seconds, default=0.0, metavar="SECONDS", help="wait until it is complete, at most so long"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, context: Context) -> int:
    from clew.cli.following import follow_until_complete, show, show_json, write_html
    from clew.cli.reading import stored_readers

    with stored_readers(Home.at(context.settings.clew_home)) as readers:
        dossier = follow_until_complete(readers, args.id, within_s=args.wait)
        if dossier is None:
            waited = f" within {args.wait:g} s" if args.wait else ""
            raise Refusal(
                f"Nothing is stored about {args.id}{waited}. Ids are exact; a request of this moment needs a second: "
                f"clew follow {args.id} --wait 5"
            )
        if args.html is not None:
            write_html(dossier, args.html, context)
        if args.json:
            show_json(dossier, context)
        elif args.html is None:
            show(dossier, context)
    return FINE


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError("must be 0 to 3600 seconds")
    return seconds
